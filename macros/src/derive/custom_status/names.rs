//! How long the names are that serde writes.

use syn::LitStr;

/// A rule of `rename_all`, as far as it changes the length of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Words are told apart by capitals: `PascalCase`, `camelCase`.
    Capitals,
    /// Words are told apart by a character between them: `snake_case`, `kebab-case`, `SCREAMING_SNAKE_CASE`.
    Separators,
    /// Only letters change: `lowercase`, `UPPERCASE`.
    Letters,
}

impl Case {
    /// The rule of this name. Of a name that serde does not know it says so itself, better than we could.
    pub(super) fn parse(name: &LitStr) -> Option<Self> {
        match name.value().as_str() {
            "PascalCase" | "camelCase" => Some(Self::Capitals),
            "snake_case" | "SCREAMING_SNAKE_CASE" | "kebab-case" | "SCREAMING-KEBAB-CASE" => {
                Some(Self::Separators)
            }
            "lowercase" | "UPPERCASE" => Some(Self::Letters),
            _ => None,
        }
    }

    /// The length of a field's name, which is in `snake_case`, under a rule.
    pub(super) fn field(rule: Option<Self>, name: &str) -> usize {
        let removed = if rule == Some(Self::Capitals) {
            name.matches('_').count()
        } else {
            0
        };
        name.encode_utf16().count() - removed
    }

    /// The length of a variant's name, which is in `PascalCase`, under a rule.
    pub(super) fn variant(rule: Option<Self>, name: &str) -> usize {
        let added = if rule == Some(Self::Separators) {
            name.chars().skip(1).filter(|c| c.is_uppercase()).count()
        } else {
            0
        };
        name.encode_utf16().count() + added
    }
}

/// The units of a text in JSON, without its quotes.
pub(super) fn json_units(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => "\\n".len(),
            '\0'..='\u{1f}' => "\\u0000".len(),
            c => c.len_utf16(),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_as_json() {
        assert_eq!(json_units("a\"\\\n\u{1}한😀"), 1 + 2 + 2 + 2 + 6 + 1 + 2);
    }

    #[test]
    fn names_have_the_length_that_serde_gives_them() {
        assert_eq!(Case::field(None, "city_name"), "city_name".len());
        assert_eq!(
            Case::field(Some(Case::Capitals), "city_name"),
            "cityName".len()
        );
        assert_eq!(
            Case::field(Some(Case::Separators), "city_name"),
            "city-name".len()
        );
        assert_eq!(
            Case::variant(Some(Case::Separators), "InTokyo"),
            "in_tokyo".len()
        );
        assert_eq!(
            Case::variant(Some(Case::Letters), "InTokyo"),
            "intokyo".len()
        );
        assert_eq!(Case::variant(None, "한국"), 2);
    }
}
