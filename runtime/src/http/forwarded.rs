//! Where a request was sent to, as a proxy in front of the program says.
//!
//! Anyone can send these headers, so only those are read that the proxy is known to write, and of several values the last one: the
//! one that the nearest proxy has added. What it says is taken as a whole or not at all.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName};

use super::Api;
use super::authority::authority;

/// Which headers of a proxy are believed: those that it sets in every request, whatever the client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeaders {
    /// `Forwarded`, with `host` and `proto`: RFC 7239.
    Standard,
    /// `X-Forwarded-Host` and `X-Forwarded-Proto`, and `X-Forwarded-Prefix` where the proxy has taken a path away.
    XForwarded,
}

/// Options: behind a proxy.
impl Api {
    /// Believes the headers of a reverse proxy, so that links begin with what the client sees of it. Without it they are ignored.
    ///
    /// Both the host and the protocol must be there, and well-formed; otherwise it is as if there were none. The proxy has to
    /// overwrite the headers or to add to them: one that passes them on lets clients choose where links lead.
    /// [`public_origin`](Self::public_origin) comes first.
    pub const fn trust_forwarded(mut self, headers: ForwardedHeaders) -> Self {
        self.forwarded = Some(headers);
        self
    }
}

impl ForwardedHeaders {
    /// What links begin with: scheme, host, port and the path that the proxy took away.
    pub(super) fn origin(self, headers: &HeaderMap) -> Option<String> {
        match self {
            Self::Standard => {
                let line = headers.get_all("forwarded").iter().next_back()?;
                let Element { host, proto } = nearest(line.to_str().ok()?)?;
                Some(format!("{}://{}", scheme(&proto?)?, authority(&host?)?))
            }
            Self::XForwarded => {
                let host = last(headers, &HeaderName::from_static("x-forwarded-host"))?;
                let proto = last(headers, &HeaderName::from_static("x-forwarded-proto"))?;
                let path = last(headers, &HeaderName::from_static("x-forwarded-prefix"));
                let path = path.map_or(Some(""), prefix)?;
                Some(format!("{}://{}{path}", scheme(proto)?, authority(host)?))
            }
        }
    }
}

/// The last value of a header that is a list.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

fn scheme(proto: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|scheme| proto.eq_ignore_ascii_case(scheme))
}

/// A path without the slash at its end.
fn prefix(text: &str) -> Option<&str> {
    let path = text.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:@".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    let fits = path.is_empty()
        || path
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(is_segment));
    fits.then_some(path)
}

/// What one proxy says of a request.
#[derive(Debug, Default)]
struct Element<'a> {
    host: Option<Cow<'a, str>>,
    proto: Option<Cow<'a, str>>,
}

/// The last element of a `Forwarded` header; `None` when the header is malformed.
fn nearest(line: &str) -> Option<Element<'_>> {
    let mut element = Element::default();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (name, value, after) = pair(rest)?;
        match name {
            _ if name.eq_ignore_ascii_case("host") => element.host = Some(value),
            _ if name.eq_ignore_ascii_case("proto") => element.proto = Some(value),
            _ => {}
        }
        rest = match after.chars().next() {
            None => "",
            Some(';') => after[1..].trim_start(),
            Some(',') => {
                element = Element::default();
                after[1..].trim_start()
            }
            Some(_) => return None,
        };
    }
    Some(element)
}

/// A name and its value at the beginning of a text, and what follows them.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let (value, rest) = match rest.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => {
            // Hosts with a port and addresses are to be quoted; not everyone does.
            let end = rest.find([';', ',', ' ', '\t', '"']).unwrap_or(rest.len());
            let (value, rest) = rest.split_at(end);
            (!value.is_empty()).then_some((Cow::Borrowed(value), rest))?
        }
    };
    Some((name, value, rest.trim_start()))
}

/// What is quoted up to the next quote, without backslashes, and what follows.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Uri};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_static(name), value)
        });
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        headers
    }

    fn standard(line: &str) -> Option<String> {
        ForwardedHeaders::Standard.origin(&headers(&[("forwarded", line)]))
    }

    fn x_forwarded(host: &str, proto: &str, prefix: &str) -> Option<String> {
        ForwardedHeaders::XForwarded.origin(&headers(&[
            ("x-forwarded-host", host),
            ("x-forwarded-proto", proto),
            ("x-forwarded-prefix", prefix),
        ]))
    }

    #[test]
    fn the_element_of_the_nearest_proxy_counts() {
        for (line, origin) in [
            ("host=a.example;proto=https", Some("https://a.example")),
            (
                "For=\"[::1]:80\" ; PROTO=HTTP;Host=\"a.example:8080\"",
                Some("http://a.example:8080"),
            ),
            (
                "host=evil;proto=http, for=1.2.3.4;host=a;proto=https",
                Some("https://a"),
            ),
            ("host=a:8443;proto=https", Some("https://a:8443")),
            (
                "host=\"[2001:db8::1]:80\";proto=http",
                Some("http://[2001:db8::1]:80"),
            ),
            (
                "host=\"a\\.example\";proto=https;",
                Some("https://a.example"),
            ),
            (
                "for=\"a,b;host=evil\";host=a;proto=https",
                Some("https://a"),
            ),
            // The nearest proxy says nothing, and nobody else is believed.
            ("host=a;proto=https, for=1.2.3.4", None),
            ("host=a", None),
            ("proto=https", None),
            ("", None),
            ("host=a;proto=ftp", None),
            ("host=a@evil;proto=https", None),
            ("host=\"a/evil\";proto=https", None),
            ("host=\"\";proto=https", None),
            ("host=\"a;proto=https", None),
            ("host=a b;proto=https", None),
            ("host=a;;proto=https", None),
        ] {
            assert_eq!(standard(line).as_deref(), origin, "{line}");
        }
        let two = headers(&[
            ("forwarded", "host=evil;proto=https"),
            ("forwarded", "host=a;proto=https"),
        ]);
        let origin = ForwardedHeaders::Standard.origin(&two);
        assert_eq!(origin.as_deref(), Some("https://a"));
        assert_eq!(ForwardedHeaders::XForwarded.origin(&two), None);
    }

    #[test]
    fn the_last_host_counts_and_a_prefix_is_a_path() {
        for (host, proto, path, origin) in [
            ("a", "https", "", Some("https://a")),
            ("evil, a:81", "http, HTTPS", "/", Some("https://a:81")),
            ("a", "https", "/x/y/", Some("https://a/x/y")),
            ("a", "https", "/evil,/x", Some("https://a/x")),
            ("a", "https", "x", None),
            ("a", "https", "//evil", None),
            ("a", "https", "/x/../y", None),
            ("a", "https", "/x?y", None),
            ("a", "https", "/x\\y", None),
            ("a,", "https", "", None),
            ("a:", "https", "", None),
            ("a:+80", "https", "", None),
            ("a:65536", "https", "", None),
            ("a:80:80", "https", "", None),
            ("[::1", "https", "", None),
            ("[::1]evil", "https", "", None),
            ("[evil]", "https", "", None),
            ("ä", "https", "", None),
            ("a", "javascript", "", None),
        ] {
            let found = x_forwarded(host, proto, path);
            assert_eq!(found.as_deref(), origin, "{host:?} {proto:?} {path:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_believed_is_an_origin_and_no_more(line in "[a-z=;,\"\\\\:@/?#.\\[\\] ]{0,40}", host in "\\PC{0,20}", proto in "https?|\\PC{0,8}", path in "\\PC{0,20}") {
            let found = [
                standard(&line),
                standard(&format!("{line}, host=\"{}\";proto={proto}", host.replace(['"', '\\'], ""))),
                x_forwarded(&host, &proto, &path),
            ];
            for origin in found.into_iter().flatten() {
                let uri: Uri = origin.parse().unwrap();
                let (scheme, rest) = origin.split_once("://").unwrap();
                prop_assert_eq!(uri.scheme_str(), Some(scheme));
                prop_assert!(uri.query().is_none() && !rest.contains(['@', '#', '\\', ' ', '"']), "{}", origin);
                let authority = uri.authority().unwrap().as_str();
                prop_assert!(rest == authority || rest[authority.len()..].starts_with('/'), "{}", origin);
            }
        }

        #[test]
        fn a_client_in_front_of_the_proxy_cannot_choose_the_host(
            sent in "[a-z=;,\"\\\\ ]{0,40}",
            host in "[a-z]{1,8}(\\.[a-z]{1,8}){0,2}",
            port in proptest::option::of(any::<u16>()),
        ) {
            let host = port.map_or(host.clone(), |port| format!("{host}:{port}"));
            let origin = standard(&format!("{sent}, for=\"1.2.3.4:5\";host=\"{host}\";proto=https"));
            let right = format!("https://{host}");
            prop_assert!(origin.is_none() || origin.as_deref() == Some(&right), "{:?}", origin);
        }
    }
}
