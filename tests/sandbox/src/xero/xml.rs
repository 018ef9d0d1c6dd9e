//! The default form of Xero's answers.
//!
//! A client that does not ask for JSON gets XML. The sandbox turns the JSON answer into XML
//! mechanically: element names are the property names, a list's items carry its singular.

use crate::json::Json;

/// The XML form of a JSON answer.
pub(crate) fn from_json(json: &Json) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    element("Response", json, &mut out);
    out
}

fn element(name: &str, value: &Json, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    match value {
        Json::Null => {}
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Num(text) => out.push_str(text),
        Json::Str(text) => escape(text, out),
        Json::Arr(items) => items
            .iter()
            .for_each(|item| element(singular(name), item, out)),
        Json::Obj(object) => object
            .iter()
            .for_each(|(name, value)| element(name, value, out)),
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn singular(name: &str) -> &str {
    match name {
        "Currencies" => "Currency",
        "TrackingCategories" => "TrackingCategory",
        "Addresses" => "Address",
        "Tracking" => "TrackingCategory",
        _ => name.strip_suffix('s').unwrap_or(name),
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_their_items_in_the_singular() {
        let json =
            Json::parse(r#"{"Status":"OK","Currencies":[{"Code":"A&B"}],"X":null}"#).unwrap();
        assert_eq!(
            from_json(&json),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Response><Status>OK</Status>\
             <Currencies><Currency><Code>A&amp;B</Code></Currency></Currencies><X></X></Response>"
        );
    }
}
