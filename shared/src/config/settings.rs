//! How a section of the configuration is declared: once, with its keys, their types, defaults, limits and meaning.
//!
//! From one declaration come the struct that the program uses, the reading and checking of each key, the default
//! file and the table in the documentation. A function cannot read a field's doc comment, which is why `settings!` is a
//! macro; everything it can leave to functions it leaves to them.

use super::problem::Problem;
use super::value::Value;

/// A struct whose fields are configuration keys.
pub(super) trait Section: Sized {
    /// The section with every key at its default.
    fn defaults() -> Self;

    /// Shows `visitor` every key below `path`, in the order of declaration.
    fn visit(&mut self, path: &str, visitor: &mut dyn Visitor);
}

/// Something that looks at, or sets, every key.
pub(super) trait Visitor {
    /// The section `path` begins; its keys follow.
    fn section(&mut self, _path: &str, _about: &'static [&'static str]) {}

    /// One key.
    fn leaf(&mut self, leaf: Leaf<'_>);
}

/// One key of the configuration, and the place of its value.
pub(super) struct Leaf<'a> {
    /// The whole key, as `bus.url`.
    pub(super) key: String,
    /// The doc comment, line by line.
    pub(super) about: &'static [&'static str],
    /// Its value.
    pub(super) slot: &'a mut dyn Slot,
}

/// The place of a value whose type is known to the place alone.
pub(super) trait Slot {
    /// Sets it from a TOML value.
    fn set_toml(&mut self, value: &toml::Value) -> Result<(), Problem>;

    /// Sets it from the text of a variable or a flag.
    fn set_text(&mut self, text: &str) -> Result<(), Problem>;

    /// The value as TOML, secrets hidden.
    fn show(&self) -> String;

    /// What may stand here, in words.
    fn expected(&self) -> String;
}

/// The least and the greatest value of a key, both allowed, as TOML.
pub(super) struct Limits<T> {
    pub(super) low: &'static str,
    pub(super) high: &'static str,
    pub(super) holds: fn(&T, &str, &str) -> bool,
}

/// The [`Slot`] of a field.
pub(super) struct Field<'a, T> {
    pub(super) value: &'a mut T,
    pub(super) limits: Option<Limits<T>>,
}

impl<T: Value> Field<'_, T> {
    fn set(&mut self, value: Result<T, Problem>) -> Result<(), Problem> {
        *self.value = self.checked(value)?;
        Ok(())
    }

    /// The value, if it is within the limits. Where a number does not even fit the type, the limits are told all the same.
    fn checked(&self, value: Result<T, Problem>) -> Result<T, Problem> {
        let Some(limits) = &self.limits else {
            return value;
        };
        let found = match value {
            Ok(value) if (limits.holds)(&value, limits.low, limits.high) => return Ok(value),
            Ok(value) => value.to_toml().to_string(),
            Err(Problem::OutOfRange { found, .. }) => found,
            Err(problem) => return Err(problem),
        };
        Err(Problem::OutOfRange {
            found,
            low: limits.low.to_owned(),
            high: limits.high.to_owned(),
        })
    }
}

impl<T: Value> Slot for Field<'_, T> {
    fn set_toml(&mut self, value: &toml::Value) -> Result<(), Problem> {
        self.set(T::from_toml(value))
    }

    fn set_text(&mut self, text: &str) -> Result<(), Problem> {
        self.set(T::from_text(text))
    }

    fn show(&self) -> String {
        self.value.to_toml().to_string()
    }

    fn expected(&self) -> String {
        let expected = T::expected();
        match &self.limits {
            Some(limits) => format!("{expected}, {} to {}", limits.low, limits.high),
            None => expected,
        }
    }
}

/// The value of a literal in a declaration.
///
/// # Panics
/// If the literal is no value of the type: a mistake in the declaration, which the first test that loads anything finds.
pub(super) fn literal<T: Value>(text: &str) -> T {
    T::from_text(text)
        .unwrap_or_else(|problem| panic!("`{text}` in a declaration of settings: {problem}"))
}

/// Whether `value` lies between two literals, both included.
pub(super) fn within<T: Value + PartialOrd>(value: &T, low: &str, high: &str) -> bool {
    (literal(low)..=literal(high)).contains(value)
}

/// `path.name`, or `name` at the top.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Declares a section; see the module.
///
/// `key: Type = default in low..=high` is a key, the default and limits written as in TOML. `sections` are tables below this one;
/// the keys of what is `flattened` stand beside this one's own. Both may give defaults of their own: `{ key = default }`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $kind:ty = $default:tt $(in $low:tt ..= $high:tt)?,
            )*
        }
        $(flattened {
            $(#[doc = $flat_doc:literal])+
            $flat:ident: $flat_kind:ident $({ $($flat_key:ident = $flat_value:tt),+ })?,
        })?
        $(sections {
            $(
                $(#[doc = $sub_doc:literal])+
                $sub:ident: $sub_kind:ident $({ $($sub_key:ident = $sub_value:tt),+ })?,
            )+
        })?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $flat_doc])+
                pub $flat: $flat_kind,
            )?
            $(
                $(#[doc = $doc])+
                #[doc = concat!(
                    "\n\nDefault: `", stringify!($default), "`",
                    $("; allowed: `", stringify!($low), "` to `", stringify!($high), "`",)? "."
                )]
                pub $field: $kind,
            )*
            $($(
                $(#[doc = $sub_doc])+
                pub $sub: $sub_kind,
            )+)?
        }

        impl $crate::config::settings::Section for $name {
            fn defaults() -> Self {
                Self {
                    $($flat: settings!(@section $flat_kind $($($flat_key = $flat_value),+)?),)?
                    $($field: $crate::config::settings::literal(stringify!($default)),)*
                    $($($sub: settings!(@section $sub_kind $($($sub_key = $sub_value),+)?),)+)?
                }
            }

            fn visit(&mut self, path: &str, visitor: &mut dyn $crate::config::settings::Visitor) {
                use $crate::config::settings::{Field, Leaf, join};
                $(self.$flat.visit(path, visitor);)?
                $(visitor.leaf(Leaf {
                    key: join(path, stringify!($field)),
                    about: &[$($doc),+],
                    slot: &mut Field { value: &mut self.$field, limits: settings!(@limits $($low $high)?) },
                });)*
                $($(
                    let below = join(path, stringify!($sub));
                    visitor.section(&below, &[$($sub_doc),+]);
                    self.$sub.visit(&below, visitor);
                )+)?
            }
        }
    };
    (@section $kind:ident) => { $kind::defaults() };
    (@section $kind:ident $($key:ident = $value:tt),+) => {
        $kind { $($key: $crate::config::settings::literal(stringify!($value)),)+ ..$kind::defaults() }
    };
    (@limits) => { None };
    (@limits $low:tt $high:tt) => {
        Some($crate::config::settings::Limits {
            low: stringify!($low),
            high: stringify!($high),
            holds: $crate::config::settings::within,
        })
    };
}
pub(super) use settings;
