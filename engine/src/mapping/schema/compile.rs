//! From JSON Schema to something that can be checked. Keywords that are not known are refused.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value as Json;

use super::check::{DEEPEST, Id, Node};
use crate::mapping::value::Value;

/// Keywords that describe and do not restrict.
const ANNOTATIONS: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];

pub(super) struct Compiler<'j> {
    root: &'j Json,
    nodes: Vec<Node>,
    /// Nodes of `$ref` targets, so that recursive schemas end.
    refs: BTreeMap<&'j str, Id>,
}

impl<'j> Compiler<'j> {
    /// The nodes of a schema, the root first.
    pub(super) fn compile(json: &'j Json) -> Result<Vec<Node>, String> {
        let mut compiler = Self {
            root: json,
            nodes: Vec::new(),
            refs: BTreeMap::new(),
        };
        compiler.node(json, 0)?;
        Ok(compiler.nodes)
    }

    fn node(&mut self, json: &'j Json, depth: usize) -> Result<Id, String> {
        if depth > DEEPEST {
            return Err("the schema is nested too deeply".to_owned());
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        let object = match json {
            Json::Null | Json::Bool(true) => return Ok(id),
            Json::Bool(false) => {
                self.nodes[id].never = true;
                return Ok(id);
            }
            Json::Object(it) => it,
            it => return Err(format!("{it} is not a schema")),
        };
        let mut node = Node::default();
        let depth = depth + 1;
        for (keyword, json) in object {
            let wrong = || format!("`{keyword}: {json}` is not understood");
            let count = || {
                json.as_u64()
                    .and_then(|it| it.try_into().ok())
                    .ok_or_else(wrong)
            };
            let number = || match Value::from(json) {
                Value::Num(it) => Ok(it),
                _ => Err(wrong()),
            };
            match keyword.as_str() {
                "type" => node.types = words(json).ok_or_else(wrong)?,
                "enum" => {
                    let values = json.as_array().ok_or_else(wrong)?;
                    node.values = Some(values.iter().map(Value::from).collect());
                }
                "const" => node.values = Some(vec![Value::from(json)]),
                "properties" => {
                    for (name, json) in json.as_object().ok_or_else(wrong)? {
                        node.fields.insert(name.clone(), self.node(json, depth)?);
                    }
                }
                "required" => node.required = words(json).ok_or_else(wrong)?,
                "dependentRequired" => {
                    for (name, json) in json.as_object().ok_or_else(wrong)? {
                        node.dependent
                            .push((name.clone(), words(json).ok_or_else(wrong)?));
                    }
                }
                "additionalProperties" => node.others = Some(self.node(json, depth)?),
                "items" => node.items = Some(self.node(json, depth)?),
                "minItems" => node.min_items = Some(count()?),
                "maxItems" => node.max_items = Some(count()?),
                "minLength" => node.min_length = Some(count()?),
                "maxLength" => node.max_length = Some(count()?),
                "minimum" => node.minimum = Some(number()?),
                "maximum" => node.maximum = Some(number()?),
                "exclusiveMinimum" => node.above = Some(number()?),
                "exclusiveMaximum" => node.below = Some(number()?),
                "multipleOf" => node.multiple_of = Some(number()?),
                "pattern" => {
                    let pattern = json.as_str().and_then(|it| Regex::new(it).ok());
                    node.pattern = Some(pattern.ok_or_else(wrong)?);
                }
                "allOf" | "anyOf" | "oneOf" => {
                    let parts = json
                        .as_array()
                        .filter(|it| !it.is_empty())
                        .ok_or_else(wrong)?;
                    let mut ids = Vec::new();
                    for json in parts {
                        ids.push(self.node(json, depth)?);
                    }
                    match keyword.as_str() {
                        "allOf" => node.all_of = ids,
                        "anyOf" => node.any_of = ids,
                        _ => node.one_of = ids,
                    }
                }
                "not" => node.not = Some(self.node(json, depth)?),
                "$ref" => {
                    let name = json.as_str().ok_or_else(wrong)?;
                    let target = self.reference(name, depth)?;
                    if target == id {
                        return Err(format!("`$ref: {name}` refers to itself"));
                    }
                    node.same_as = Some(target);
                }
                it if ANNOTATIONS.contains(&it) || it.starts_with("x-") => {}
                _ => return Err(format!("the keyword `{keyword}` is not supported")),
            }
        }
        self.nodes[id] = node;
        Ok(id)
    }

    fn reference(&mut self, name: &'j str, depth: usize) -> Result<Id, String> {
        if let Some(id) = self.refs.get(name) {
            return Ok(*id);
        }
        let target = name.strip_prefix('#').and_then(|it| self.root.pointer(it));
        let target = target.ok_or_else(|| format!("`$ref: {name}` refers to nothing here"))?;
        // A chain of bare references never reaches a schema.
        let (mut at, mut hops) = (target, 0);
        while let Some(next) = at.get("$ref").and_then(Json::as_str) {
            hops += 1;
            let found = next.strip_prefix('#').and_then(|it| self.root.pointer(it));
            match found {
                Some(it) if hops < DEEPEST => at = it,
                _ => return Err(format!("`$ref: {name}` goes in circles")),
            }
        }
        self.refs.insert(name, self.nodes.len());
        self.node(target, depth)
    }
}

fn words(json: &Json) -> Option<Vec<String>> {
    match json {
        Json::String(it) => Some(vec![it.clone()]),
        Json::Array(it) => it.iter().map(|it| it.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
