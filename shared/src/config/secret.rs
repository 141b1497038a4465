//! Values that are used but never shown.

mod names;

use std::fmt;
use std::ops::Range;

use url::Url;

use super::problem::{Problem, UrlProblem};
use super::value::{Value, text_of};

pub use names::looks_secret;

/// What stands in place of a secret.
pub const REDACTED: &str = "***";

/// A text that neither Debug nor Display show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be used and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Value for Secret {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        text_of::<Self>(value).map(Self::new)
    }

    /// The text as it is: a secret that happens to look like a TOML value is still the bare text, quotes and all.
    fn from_text(text: &str) -> Result<Self, Problem> {
        Ok(Self::new(text))
    }

    fn to_toml(&self) -> toml::Value {
        REDACTED.into()
    }
}

/// The URL of a server, whose password neither Debug nor Display show. It may name several hosts, separated by commas.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl {
    text: String,
    shown: String,
}

impl RedactedUrl {
    /// Checks that `text` is a URL with one of `schemes` and at least one host.
    ///
    /// # Errors
    /// [`UrlProblem`] says what is wrong without repeating the text.
    pub fn parse(text: &str, schemes: &[&str]) -> Result<Self, UrlProblem> {
        let (scheme, rest) = text.split_once(':').ok_or(UrlProblem::NoScheme)?;
        if !schemes.contains(&scheme) {
            return Err(scheme_problem(scheme, rest));
        }
        let authority = authority(rest).ok_or(UrlProblem::NoHost)?;
        if rest[authority.end..].contains('@') {
            return Err(UrlProblem::Unencoded);
        }
        let user_end = rest[authority.clone()]
            .rfind('@')
            .map_or(authority.start, |at| authority.start + at + 1);
        let (user, hosts) = (
            &rest[authority.start..user_end],
            &rest[user_end..authority.end],
        );
        if hosts.contains(',') && scheme.starts_with("http") {
            return Err(UrlProblem::SeveralHosts);
        }
        for host in hosts.split(',') {
            if host.is_empty() {
                return Err(UrlProblem::NoHost);
            }
            // Each by itself: the URL standard knows one host, and one port, per URL.
            let single = Url::parse(&format!(
                "{scheme}://{user}{host}{}",
                &rest[authority.end..]
            ))?;
            if single.host_str().is_none_or(str::is_empty) {
                return Err(UrlProblem::NoHost);
            }
        }
        let tail = redacted_query(&rest[authority.end..]);
        let shown = format!("{scheme}://{}{hosts}{tail}", redacted_user(user));
        Ok(Self {
            text: text.to_owned(),
            shown,
        })
    }

    /// The whole URL with its password, to be used and not to be shown.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The same URL with `password` for the user that it names; the user may be empty where the scheme allows none
    /// (`redis`).
    ///
    /// # Errors
    /// [`UrlProblem::HasPassword`] when it has one, [`UrlProblem::NoUser`] when nobody is named whose it could be.
    pub fn with_password(&self, password: &Secret) -> Result<Self, UrlProblem> {
        let start = self.scheme().len() + "://".len();
        let (scheme, rest) = self.text.split_at(start);
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, hosts) = match rest[..end].rfind('@') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None if scheme.starts_with("redis") => ("", rest),
            None => return Err(UrlProblem::NoUser),
        };
        if user.contains(':') {
            return Err(UrlProblem::HasPassword);
        }
        let password = percent_encoded(password);
        let text = format!("{scheme}{user}:{}@{hosts}", password.expose());
        Self::parse(&text, &[self.scheme()])
    }

    /// The hosts that it names, each with its port where it says one, as they can be shown to anybody.
    pub fn hosts(&self) -> Vec<(String, Option<u16>)> {
        let rest = &self.text[self.scheme().len() + ":".len()..];
        let Some(authority) = authority(rest) else {
            return Vec::new();
        };
        let hosts = rest[authority].rsplit('@').next().unwrap_or_default();
        hosts.split(',').map(host_and_port).collect()
    }

    /// Scheme and hosts: where it is, without who goes there.
    pub fn place(&self) -> String {
        let rest = &self.text[self.scheme().len() + ":".len()..];
        let hosts = authority(rest).and_then(|place| rest[place].rsplit('@').next());
        format!("{}://{}", self.scheme(), hosts.unwrap_or_default())
    }

    /// What stands before the first colon.
    pub fn scheme(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }
}

/// `host`, `host:port`, `[::1]:port`.
fn host_and_port(text: &str) -> (String, Option<u16>) {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (text, None),
    };
    (host.trim_matches(['[', ']']).to_owned(), port)
}

/// `password` as it can stand in a URL.
fn percent_encoded(password: &Secret) -> Secret {
    let mut url = Url::parse("amqp://user@host").expect("a constant that is a URL");
    // The URL standard leaves `%` as it is, because it takes what it is given for encoded already.
    url.set_password(Some(&password.expose().replace('%', "%25")))
        .expect("this URL has a host");
    Secret::new(url.password().unwrap_or_default())
}

/// The error for a scheme that does not fit; what does not look like a scheme may be part of a password.
fn scheme_problem(scheme: &str, rest: &str) -> UrlProblem {
    let letters = scheme
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'+');
    match letters && scheme.len() <= 20 && rest.starts_with("//") {
        true => UrlProblem::Scheme(scheme.to_owned()),
        false => UrlProblem::NoScheme,
    }
}

/// Where user, password and hosts stand in what follows `scheme:`.
fn authority(rest: &str) -> Option<Range<usize>> {
    let start = rest.starts_with("//").then_some(2)?;
    let length = rest[start..]
        .find(['/', '?', '#'])
        .unwrap_or(rest.len() - start);
    Some(start..start + length)
}

/// `user:password@` without the password.
fn redacted_user(user: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{name}:{REDACTED}@"),
        None => user.to_owned(),
    }
}

/// Path, query and fragment, without the values of parameters that look like secrets.
fn redacted_query(tail: &str) -> String {
    let Some((path, query)) = tail.split_once('?') else {
        return tail.to_owned();
    };
    let parameters = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if looks_secret(name) => format!("{name}={REDACTED}"),
            Some(_) | None => parameter.to_owned(),
        });
    format!("{path}?{}", parameters.collect::<Vec<_>>().join("&"))
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests;
