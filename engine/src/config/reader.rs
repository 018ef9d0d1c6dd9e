//! Reads TOML field by field and goes on after a mistake.
//!
//! Deriving `Deserialize` would stop at the first mistake of a file; an operator who has just
//! written ten routes wants to see all of them. So a file is parsed to a tree that knows its
//! positions, and each struct of `*_toml.rs` takes its fields out of it one by one: a field that is
//! wrong is told and left out, an unknown key is told with the nearest known one.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::findings::{Finding, Findings, Places, SourceFile, nearest};

/// One file while it is read and checked.
pub(super) struct Reader<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) findings: &'a mut Findings,
}

impl Reader<'_> {
    /// Notes a problem.
    pub(super) fn problem(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let finding: Finding = self.file.finding(span, message, label, help.into());
        self.findings.push(finding);
    }

    /// A value of another kind than the field takes.
    pub(super) fn wrong_kind(&mut self, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let got = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(
            value.span(),
            format!("expected {wanted}, found {got}"),
            format!("not {wanted}"),
            None,
        );
    }
}

/// Something that can be read from a TOML value. `None` means that the problem was told.
pub(super) trait FromToml: Sized {
    /// JSON Schema of what is taken, for editors. It says form and names; rules between values are
    /// told when the configuration is read.
    fn schema() -> serde_json::Value;

    fn from_toml(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// Values by name, with the place of each name.
pub(super) type Keyed<T> = BTreeMap<String, Named<T>>;

/// A value and where its name stands.
#[derive(Debug, Clone)]
pub(super) struct Named<T> {
    pub(super) key: Range<usize>,
    pub(super) value: T,
}

/// A field that was written: `None` inside means that it was wrong, and told.
#[derive(Debug, Clone)]
pub(super) struct Tried<T>(pub(super) Option<T>);

impl<T: FromToml> FromToml for Tried<T> {
    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn from_toml(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self(T::from_toml(value, reader)))
    }
}

/// The fields of one table while they are taken out.
pub(super) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    /// Where to say that a field is missing.
    place: Range<usize>,
    asked: Vec<String>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(super) fn of(table: &'t DeTable<'i>, place: Range<usize>) -> Self {
        Self {
            table,
            place,
            asked: Vec::new(),
        }
    }

    /// The field whose Rust name is `name`; `about` is its documentation.
    pub(super) fn take<T: FromToml>(
        &mut self,
        name: &str,
        required: bool,
        about: &str,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let key = name.replace('_', "-");
        let found = self.table.get(key.as_str());
        if found.is_none() && required {
            let help = format!("{key}: {}", about.trim());
            reader.problem(
                self.place.clone(),
                format!("`{key}` is missing"),
                "not in here",
                help,
            );
        }
        let before = reader.findings.list.len();
        let value = found.and_then(|it| T::from_toml(it, reader));
        if let Some(found) = found {
            // What the field is for helps whoever wrote something else into it.
            let told = reader.findings.list.iter_mut().skip(before);
            for finding in told.filter(|it| it.help.is_none() && it.span == found.span()) {
                finding.help = Some(format!("{key}: {}", about.trim()));
            }
        }
        self.asked.push(key);
        value
    }

    /// Tells every key that nobody asked for.
    pub(super) fn finish(self, renamed: &[(&str, &str)], reader: &mut Reader<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.asked.iter().any(|it| it == name) {
                continue;
            }
            if let Some((_, new)) = renamed.iter().find(|(old, _)| *old == name) {
                let help = format!("write `{new}` instead");
                reader.problem(
                    key.span(),
                    format!("`{name}` is called `{new}`"),
                    "another name",
                    help,
                );
                continue;
            }
            let help = match nearest(name, self.asked.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", self.asked.join(", ")),
            };
            reader.problem(
                key.span(),
                format!("unknown key `{name}`"),
                "not known here",
                help,
            );
        }
    }
}

/// Declares a struct *as written*: every field is an `Option`, read on its own, and its doc comment
/// is what an operator is told when it is missing. `renamed` lists names that are still recognised,
/// to say the new one.
macro_rules! as_written {
    (
        $(#[doc = $about:literal])+
        struct $name:ident {
            $( $(#[doc = $doc:literal])+ $kind:ident $field:ident : $type:ty, )+
        }
        $( renamed { $($old:literal => $new:literal),+ $(,)? } )?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default)]
        pub(super) struct $name {
            $( $(#[doc = $doc])+ pub(super) $field: Option<$type>, )+
        }

        impl $crate::config::reader::FromTable for $name {
            fn from_table(
                mut fields: $crate::config::reader::Fields<'_, '_>,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Self {
                let it = Self {
                    $( $field: fields.take(
                        stringify!($field),
                        as_written!(@$kind),
                        concat!($($doc),+),
                        reader,
                    ), )+
                };
                fields.finish(&[$( $(($old, $new)),+ )?], reader);
                it
            }
        }

        impl $crate::config::reader::FromToml for $name {
            fn schema() -> ::serde_json::Value {
                $crate::config::reader::table_schema(
                    concat!($($about),+),
                    [ $( (
                        stringify!($field),
                        as_written!(@$kind),
                        concat!($($doc),+),
                        <$type as $crate::config::reader::FromToml>::schema(),
                    ), )+ ],
                )
            }

            fn from_toml(
                value: &::toml::Spanned<::toml::de::DeValue<'_>>,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                use $crate::config::reader::{Fields, FromTable};
                let Some(table) = value.get_ref().as_table() else {
                    reader.wrong_kind(value, "a table");
                    return None;
                };
                Some(Self::from_table(Fields::of(table, value.span()), reader))
            }
        }
    };
    (@required) => { true };
    (@optional) => { false };
}
pub(super) use as_written;

/// Schema of a table: for each field its Rust name, whether it must be there, its documentation, and
/// what it takes.
pub(super) fn table_schema<const N: usize>(
    about: &str,
    fields: [(&str, bool, &str, serde_json::Value); N],
) -> serde_json::Value {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, needed, about, mut schema) in fields {
        let key = name.replace('_', "-");
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), about.trim().into());
        }
        if needed {
            required.push(key.clone());
        }
        properties.insert(key, schema);
    }
    let mut schema = serde_json::json!({
        "description": about.trim(),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// A struct that is read from the fields of a table; implemented by `as_written!`.
pub(super) trait FromTable: Sized {
    fn from_table(fields: Fields<'_, '_>, reader: &mut Reader<'_>) -> Self;
}

/// A file's text as a tree; `None` when it is not TOML, which is told.
///
/// The parser goes on after an error, but what it then takes for fields is guessed: of such a file
/// the first errors alone are told.
pub(super) fn parse<'i>(text: &'i str, reader: &mut Reader<'_>) -> Option<DeTable<'i>> {
    const SHOWN: usize = 3;
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(SHOWN) {
        let span = error.span().unwrap_or(0..0);
        reader.problem(
            span,
            format!("this is not TOML: {}", error.message()),
            "here",
            None,
        );
    }
    errors.is_empty().then(|| tree.into_inner())
}

/// Reads a whole file as `T`; one that is not TOML is read as if nothing stood in it.
pub(super) fn read_file<T: FromTable + Default>(
    tree: Option<&DeTable<'_>>,
    reader: &mut Reader<'_>,
) -> T {
    tree.map(|it| T::from_table(Fields::of(it, 0..0), reader))
        .unwrap_or_default()
}

/// Where everything in `table` stands, for rules that are checked later.
pub(super) fn places(file: &SourceFile, table: &DeTable<'_>, key: Range<usize>) -> Places {
    let mut places = Places::of(file.clone());
    places.note(String::new(), key.clone(), key);
    note_table(table, "", &mut places);
    places
}

fn note_table(table: &DeTable<'_>, above: &str, places: &mut Places) {
    for (key, value) in table {
        note_value(join(above, key.get_ref()), key.span(), value, places);
    }
}

fn note_value(path: String, key: Range<usize>, value: &Spanned<DeValue<'_>>, places: &mut Places) {
    match value.get_ref() {
        DeValue::Table(table) => note_table(table, &path, places),
        DeValue::Array(list) => {
            for (nth, element) in list.iter().enumerate() {
                note_value(
                    join(&path, &nth.to_string()),
                    element.span(),
                    element,
                    places,
                );
            }
        }
        _ => {}
    }
    places.note(path, key, value.span());
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.to_owned()
    } else {
        format!("{above}/{name}")
    }
}
