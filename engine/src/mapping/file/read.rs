//! Reads a mapping file. The tree is read by hand rather than by `serde`, so that every problem of a
//! file is reported at once and fields keep the order in which they stand.

use ledgerline_plugin_api::manifest::Category;
use toml::de::{DeTable, DeValue};

use super::{
    reader::{Reader, Table, Written, in_order},
    written::{
        FieldToml, GateToml, LinesToml, LinkBy, MappingToml, MatchToml, RuleToml, Source,
        TestDocument, TestToml, Text, Words,
    },
};
use crate::config::findings::{Findings, SourceFile};

/// Reads a mapping file. What cannot be read is reported and left out.
pub(in crate::mapping) fn read(file: &SourceFile, findings: &mut Findings) -> MappingToml {
    let (tree, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let message = format!("this is not TOML: {}", error.message().trim());
        findings.push(file.finding(span, message, "here", None));
    }
    let mut reader = Reader { file, findings };
    let mut table = Table::of(tree.get_ref(), 0..0);
    // Both ends are checked with the route, where the connections are known.
    let from = table
        .take("from")
        .and_then(|(_, it)| it.get_ref().as_str().map(str::to_owned));
    let _ = table.take("to");
    let mut mapping = MappingToml {
        from,
        ..MappingToml::default()
    };
    if let Some((_, value)) = table.take("when") {
        mapping.when = match value.get_ref() {
            DeValue::String(_) => reader
                .text(value)
                .map(|that| GateToml {
                    that,
                    otherwise: None,
                    remedy: None,
                    category: None,
                    waits_for: None,
                    on_load: false,
                })
                .into_iter()
                .collect(),
            _ => reader.list(value, |reader, it| reader.gate(it, false)),
        };
    }
    if let Some((_, value)) = table.take("require") {
        mapping.require = reader.list(value, |reader, it| reader.gate(it, true));
    }
    if let Some((_, value)) = table.take("options") {
        mapping.options = reader.values(value);
    }
    mapping.copies_held = reader.flag(table.take("copies-held"), false);
    if let Some((_, value)) = table.take("let") {
        let lets = reader.table(value).map(in_order).unwrap_or_default();
        mapping.lets = lets
            .into_iter()
            .filter_map(|(name, value)| Some((name, reader.text(value)?)))
            .collect();
    }
    if let Some((key, value)) = table.take("fields") {
        mapping.fields_at = key;
        mapping.fields = reader
            .table(value)
            .map(|it| reader.fields(it))
            .unwrap_or_default();
    }
    if let Some((_, value)) = table.take("lines") {
        for (name, value) in reader.entries(value) {
            mapping.lines.extend(reader.lines(name, value));
        }
    }
    if let Some((_, value)) = table.take("match") {
        mapping.matching = reader.matching(value);
    }
    // One that makes nothing may still find: [match] alone.
    if mapping.fields_at.is_empty() && mapping.matching.is_none() {
        reader.wrong(0..0, "there is no [fields]", "here", None);
    }
    if let Some((_, value)) = table.take("test") {
        mapping.tests = reader.list(value, Reader::test);
    }
    table.finish(&mut reader);
    mapping
}

/// Tells what is wrong with a mapping file by itself: form and names, not jq or target fields.
pub(crate) fn read_only(file: &SourceFile, findings: &mut Findings) {
    read(file, findings);
}

impl Reader<'_> {
    fn fields(&mut self, table: &DeTable<'_>) -> Vec<FieldToml> {
        in_order(table)
            .into_iter()
            .filter_map(|(name, value)| {
                let source = self.source(&name, value)?;
                Some(FieldToml { name, source })
            })
            .collect()
    }

    fn lines(&mut self, name: Text, value: &Written<'_>) -> Option<LinesToml> {
        let table = self.table(value)?;
        let each = match table.get("each") {
            Some(it) => self.text(it),
            None => {
                let message = format!(
                    "`each` is missing: what gives the elements of `{}`",
                    name.value
                );
                self.wrong(name.span.clone(), message, "in here", None);
                None
            }
        };
        let fields = in_order(table)
            .into_iter()
            .filter(|(name, _)| name.value != "each")
            .filter_map(|(name, value)| {
                let source = self.source(&name, value)?;
                Some(FieldToml { name, source })
            })
            .collect();
        Some(LinesToml { name, each, fields })
    }

    fn source(&mut self, name: &Text, value: &Written<'_>) -> Option<Source> {
        let table = match value.get_ref() {
            DeValue::String(_) => {
                return Some(Source::Jq {
                    code: self.text(value)?,
                    omit_empty: false,
                });
            }
            DeValue::Table(it) => it,
            _ => {
                let help = match value.get_ref() {
                    DeValue::Integer(it) => {
                        format!("a constant is written {{ value = {} }}", it.as_str())
                    }
                    DeValue::Float(it) => {
                        format!("a constant is written {{ value = \"{}\" }}", it.as_str())
                    }
                    DeValue::Boolean(it) => format!("a constant is written {{ value = {it} }}"),
                    DeValue::Datetime(it) => {
                        format!("a constant is written {{ value = \"{it}\" }}")
                    }
                    _ => "a constant is written { value = … }".to_owned(),
                };
                let message = "a field is jq as text, or a table";
                self.wrong(value.span(), message, "neither", Some(help));
                return None;
            }
        };
        let mut table = Table::of(table, value.span());
        let kinds = ["jq", "value", "link", "table"];
        let given: Vec<&str> = kinds
            .into_iter()
            .filter(|it| table.table.contains_key(*it))
            .collect();
        let source = match given[..] {
            ["jq"] => {
                let code = table.need("jq", self).and_then(|it| self.text(it));
                let omit_empty = self.flag(table.take("omit-empty"), false);
                code.map(|code| Source::Jq { code, omit_empty })
            }
            ["value"] => {
                let found = table.need("value", self)?;
                self.value(found)
                    .map(|it| Source::Constant(it, found.span()))
            }
            ["link"] => {
                let link = table.need("link", self).and_then(|it| self.text(it));
                let of = table.need("of", self).and_then(|it| self.text(it));
                let wrap = table.take("as").and_then(|(_, it)| self.text(it));
                let by = table.take("by").and_then(|(_, it)| self.link_by(it));
                let approved = self.flag(table.take("approved"), false);
                let read = table.take("read").and_then(|(_, it)| self.text(it));
                let optional = self.flag(table.take("optional"), false);
                let category = table.take("category").and_then(|(_, it)| self.category(it));
                let category = category.unwrap_or(Category::Contact);
                match (link, of) {
                    (Some(link), Some(of)) => Some(Source::Link {
                        link,
                        of,
                        by: by.unwrap_or_default(),
                        approved,
                        read,
                        wrap,
                        optional,
                        category,
                    }),
                    _ => None,
                }
            }
            ["table"] => {
                let name = table.need("table", self).and_then(|it| self.text(it));
                let key = table.need("key", self).and_then(|it| self.text(it));
                let default = table.take("default").and_then(|(_, it)| self.value(it));
                let optional = self.flag(table.take("optional"), false);
                match (name, key) {
                    (Some(table), Some(key)) => Some(Source::Table {
                        table,
                        key,
                        default,
                        optional,
                    }),
                    _ => None,
                }
            }
            [] => {
                let help = table
                    .table
                    .keys()
                    .next()
                    .map(|it| format!("a nested field is written \"{}.{it}\" = …", name.value));
                let message = "a field needs one of `jq`, `value`, `link` and `table`";
                self.wrong(value.span(), message, "none of them", help);
                return None;
            }
            _ => {
                let message = format!("a field has only one of {}", given.join(", "));
                self.wrong(value.span(), message, "several of them", None);
                return None;
            }
        };
        table.finish(self);
        source
    }

    fn link_by(&mut self, value: &Written<'_>) -> Option<LinkBy> {
        let text = self.text(value)?;
        let found = match text.value.as_str() {
            "id" => LinkBy::Id,
            "number" => LinkBy::Number,
            "target" => LinkBy::Target,
            _ => {
                self.unexpected(value, "\"id\", \"number\" or \"target\"");
                return None;
            }
        };
        Some(found)
    }

    fn category(&mut self, value: &Written<'_>) -> Option<Category> {
        let text = self.text(value)?;
        let found = serde_json::from_value(serde_json::Value::String(text.value)).ok();
        if found.is_none() {
            self.unexpected(
                value,
                "a category such as source-data, contact, mapping or amount",
            );
        }
        found
    }

    fn words(&mut self, value: &Written<'_>) -> Option<Words> {
        match value.get_ref() {
            DeValue::Table(it) => {
                let mut table = Table::of(it, value.span());
                let code = table.need("jq", self).and_then(|it| self.text(it));
                table.finish(self);
                code.map(Words::Jq)
            }
            _ => self.text(value).map(|it| Words::Plain(it.value)),
        }
    }

    fn gate(&mut self, value: &Written<'_>, requires: bool) -> Option<GateToml> {
        let mut table = Table::of(self.table(value)?, value.span());
        let that = table.need("that", self).and_then(|it| self.text(it));
        let otherwise = if requires {
            table.need("otherwise", self)
        } else {
            table.take("otherwise").map(|(_, it)| it)
        };
        let otherwise = otherwise.and_then(|it| self.words(it));
        let (mut remedy, mut category, mut waits_for) = (None, None, None);
        let mut on_load = false;
        if requires {
            remedy = table.take("remedy").and_then(|(_, it)| self.words(it));
            category = table.take("category").and_then(|(_, it)| self.category(it));
            waits_for = table.take("waits-for").and_then(|(_, it)| self.text(it));
            on_load = self.flag(table.take("on-load"), false);
        }
        table.finish(self);
        Some(GateToml {
            that: that?,
            otherwise,
            remedy,
            category,
            waits_for,
            on_load,
        })
    }

    fn matching(&mut self, value: &Written<'_>) -> Option<MatchToml> {
        let mut table = Table::of(self.table(value)?, value.span());
        let unique = self.flag(table.take("unique"), true);
        let stands_for = table.take("stands-for");
        let stands_for = stands_for.and_then(|(_, it)| self.text(it));
        let mut rules = |name, reader: &mut Self| match table.take(name) {
            Some((_, it)) => reader.list(it, Reader::rule),
            None => Vec::new(),
        };
        let (rules, suggests) = (rules("rule", self), rules("suggest", self));
        table.finish(self);
        Some(MatchToml {
            unique,
            stands_for,
            rules,
            suggests,
        })
    }

    fn rule(&mut self, value: &Written<'_>) -> Option<RuleToml> {
        let mut table = Table::of(self.table(value)?, value.span());
        let mut text = |name, reader: &mut Self| {
            let found = table.need(name, reader)?;
            reader.text(found)
        };
        let (name, source, target) = (
            text("name", self),
            text("source", self),
            text("target", self),
        );
        let agree = match table.take("agree") {
            Some((_, it)) => self.list(it, |reader, it| {
                let mut pair = Table::of(reader.table(it)?, it.span());
                let source = pair.need("source", reader).and_then(|it| reader.text(it));
                let target = pair.need("target", reader).and_then(|it| reader.text(it));
                pair.finish(reader);
                source.zip(target)
            }),
            None => Vec::new(),
        };
        let active_only = self.flag(table.take("active-only"), false);
        table.finish(self);
        Some(RuleToml {
            name: name?,
            source: source?,
            target: target?,
            agree,
            active_only,
        })
    }

    fn test(&mut self, value: &Written<'_>) -> Option<TestToml> {
        let mut table = Table::of(self.table(value)?, value.span());
        let document = table
            .need("document", self)
            .and_then(|it| match it.get_ref() {
                DeValue::String(path) => Some(TestDocument::File(path.to_string())),
                DeValue::Table(_) => self.value(it).map(TestDocument::Inline),
                _ => {
                    self.unexpected(it, "a path or a table");
                    None
                }
            });
        let name = table
            .take("name")
            .and_then(|(_, it)| self.text(it))
            .map(|it| it.value);
        let today = table
            .take("today")
            .and_then(|(_, it)| self.text(it))
            .map(|it| it.value);
        let stop = table
            .take("expect-stop")
            .and_then(|(_, it)| self.text(it))
            .map(|it| it.value);
        let mut value_of = |name, reader: &mut Self| {
            table
                .take(name)
                .and_then(|(_, it)| reader.value(it))
                .unwrap_or_default()
        };
        let settings = value_of("settings", self);
        let target_settings = value_of("target-settings", self);
        let links = value_of("links", self);
        let source = value_of("source", self);
        let held = value_of("held", self);
        let tables = value_of("tables", self);
        let number = value_of("number", self);
        let mut values_of = |name, reader: &mut Self| match table.take(name) {
            Some((_, it)) => reader.values(it),
            None => Vec::new(),
        };
        let options = values_of("options", self);
        let expect = values_of("expect", self);
        let absent = match table.take("expect-absent") {
            Some((_, it)) => self.list(it, Reader::text),
            None => Vec::new(),
        };
        if expect.is_empty() && absent.is_empty() && stop.is_none() {
            let message = "a test needs `expect`, `expect-absent` or `expect-stop`";
            self.wrong(value.span(), message, "expects nothing", None);
        }
        table.finish(self);
        Some(TestToml {
            name,
            span: value.span(),
            document: document?,
            options,
            settings,
            target_settings,
            links,
            source,
            held,
            tables,
            number,
            today,
            expect,
            absent,
            expect_stop: stop,
        })
    }
}
