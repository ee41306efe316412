use super::*;

fn expanded(tokens: TokenStream) -> Result<String, Vec<String>> {
    let errors = Errors::new();
    let tokens = expand(&syn::parse2(tokens).unwrap(), &errors).to_string();
    errors
        .finish()
        .map(|()| tokens)
        .map_err(|error| error.into_iter().map(|error| error.to_string()).collect())
}

#[track_caller]
fn refused(tokens: TokenStream, expected: &[&str]) {
    let messages = expanded(tokens).unwrap_err();
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn the_name_of_an_untagged_variant_is_not_counted() {
    let of_enum = expanded(quote!(
        #[serde(untagged)]
        enum Status {
            Greeted(u8),
        }
    ));
    let of_variant = expanded(quote!(
        enum Status {
            #[serde(untagged)]
            Greeted(u8),
        }
    ));
    assert_eq!(of_enum, of_variant);
    assert!(!of_enum.unwrap().contains("plus"));
}

#[test]
fn what_cannot_be_bounded_is_refused_at_once() {
    refused(
        quote! {
            struct Status<T> {
                #[serde(serialize_with = "f", default)]
                a: T,
                #[serde(with = "g")]
                b: u8,
            }
        },
        &[
            "a custom status has no generic parameters: write a concrete type",
            "the length of what a function writes is not known: remove `serialize_with`, or write `#[custom_status(unbounded)]` on this field",
            "the length of what a function writes is not known: remove `with`",
        ],
    );
    refused(
        quote!(
            #[serde(into = "u8", remote = "Other")]
            struct Status;
        ),
        &[
            "the length of the type that is written instead is not known: remove `into`, or write `#[custom_status(unbounded)]` on the type",
            "the length of the JSON is not known with serde's `remote`",
        ],
    );
    refused(
        quote!(
            enum Status {
                #[serde(skip)]
                A,
                #[serde(with = "f")]
                B(u8),
            }
        ),
        &[
            "serde cannot write a variant that is skipped, so that setting the status could fail: remove `skip`",
            "the length of what a function writes is not known: remove `with`, or write `#[custom_status(unbounded)]` on the type",
        ],
    );
}

#[test]
fn the_word_makes_everything_possible() {
    for possible in [
        quote!(
            #[custom_status(unbounded)]
            enum Status {
                #[serde(skip)]
                A,
                #[serde(with = "f")]
                B(u8),
            }
        ),
        quote!(
            #[serde(into = "String")]
            #[custom_status(unbounded)]
            struct Status(String);
        ),
        quote!(
            struct Status {
                #[serde(with = "f")]
                #[custom_status(unbounded)]
                a: u8,
            }
        ),
    ] {
        let code = expanded(possible).unwrap();
        assert!(code.contains("StatusType"), "{code}");
        assert!(!code.contains("BoundedJson"), "{code}");
    }
}

#[test]
fn the_word_is_one_word_at_one_place() {
    refused(
        quote!(
            #[custom_status(unbounded)]
            enum Status {
                #[custom_status(unbounded)]
                A(u8),
                B(#[custom_status(unbounded)] u8),
                C {
                    #[custom_status(unbounded, unbounded)]
                    a: u8,
                },
            }
        ),
        &[
            "`#[custom_status(unbounded)]` goes on a field or on the type, not on a variant",
            "the whole type is `unbounded` already",
            "`unbounded` is given twice",
            "the whole type is `unbounded` already",
        ],
    );
    refused(
        quote!(
            #[custom_status]
            #[custom_status()]
            #[custom_status(unbouned, 5)]
            struct Status {
                #[serde(skip)]
                #[custom_status(unbounded)]
                a: String,
            }
        ),
        &[
            "write `#[custom_status(unbounded)]`",
            "write `#[custom_status(unbounded)]`",
            "unknown word: `#[custom_status(..)]` accepts `unbounded`",
            "this field is not written, and needs no bound",
        ],
    );
}
