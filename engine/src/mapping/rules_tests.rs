//! Stream rules as a target would write them: totals by its own rounding, cents, checks, matching,
//! updates.

use ledgerline_plugin_api::manifest::{Stream, Update};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    Apply, CheckMemo, Followed, LinkAnswer, LinkAsk, Links, MatchAnswer, Reconciled, Reference,
    RulesCx, Shared, StreamRules, Value, differences, reconcile,
    tests::{World, stream, value},
    three_way, with_line_ids,
};
use crate::config::{
    checked::{Rounding, RoundingPolicy},
    findings::Findings,
};

/// A target that computes tax line by line and rounds each to cents.
const PRELUDE: &str = r#"
def rate($code): ((($reference.taxes // {})[$code // ""] // {}).Rate) // 0;
def amount: .Amount | round(2);
def tax: if .Tax != null then .Tax else (amount * rate(.Code) / 100) | round(2) end;
def total: [.Lines[] | amount + tax] | add // 0;
def spread($difference):
  ([.Lines[] | select(rate(.Code) != 0)] | length) as $taxed
  | if $taxed == 0 then null
    else .Lines |= (to_list($difference)) end;
def to_list($difference): .;
"#;

fn prelude() -> String {
    // Definitions come before their use.
    PRELUDE
        .replace("def to_list($difference): .;\n", "")
        .replace(
            "def spread",
            "def to_list($difference): (map(rate(.Code) != 0)) as $taxed
           | reduce .[] as $line ({out: [], left: $difference};
               .out as $out | .left as $left
               | if $left != 0 and ($line | rate(.Code)) != 0
                 then {out: ($out + [$line + {Tax: (($line | tax) + $left)}]), left: 0}
                 else {out: ($out + [$line]), left: $left} end) | .out;
         def spread",
        )
}

fn target() -> Stream {
    stream(json!({
        "key": ".Id", "party": ".Name", "total": "books::total", "held-total": ".Total",
        "state": ".Status", "states": {"DRAFT": "draft", "PAID": "paid"},
        "rounding": {
            "tax-amounts": "books::spread($difference)",
            "line": ".Lines += [{Text: \"Rounding\", Amount: $difference, Tax: 0, Account: $account}]"
        },
        "life": {"active": ".Status != \"GONE\"", "moved-to": ".MergedTo", "remedy": "Restore it"},
        "checks": [
            {
                "name": "account", "each": "Lines", "keys": {"account": ".Account"},
                "refs": {"account": {"stream": "accounts", "key": "account", "by": ".Code"}},
                "that": "$account != null and $account.Status == \"ACTIVE\"", "category": "mapping",
                "cause": "if $account == null then \"there is no account \\(.account)\" else \"account \\(.account) is archived\" end",
                "remedy": "\"Create or restore account \\(.account)\"",
                "waits-for": "\"account \\(.account)\""
            },
            {
                "name": "lock", "keys": {"date": ".Date"}, "refs": {"organisation": {"stream": "organisation"}},
                "that": ".date > ($organisation.Locked // \"\")", "category": "locked-period",
                "cause": "\"\\(.date) is locked\"", "remedy": "\"Unlock\"", "waits-for": "\"lock date\""
            },
            {
                "name": "tax", "each": "Lines", "keys": {"code": ".Code"},
                "refs": {"rate": {"stream": "taxes", "key": "code"}},
                "that": "$rate != null", "category": "mapping", "cause": "\"no tax \\(.code)\"",
                "remedy": "\"Add it\"", "waits-for": "\"tax \\(.code)\""
            }
        ]
    }))
}

fn rules() -> StreamRules {
    let mut findings = Findings::default();
    let rules = StreamRules::compile("books", "credits", &target(), &prelude(), &mut findings);
    rules.unwrap_or_else(|| panic!("{:#?}", findings.list))
}

fn reference() -> Reference {
    let mut it = Reference::default();
    it.insert("taxes", "S15", value(r#"{"Rate":15.0}"#));
    it.insert("taxes", "NONE", value(r#"{"Rate":0}"#));
    it.insert(
        "accounts",
        "a1",
        value(r#"{"Code":"200","Status":"ACTIVE"}"#),
    );
    it.insert(
        "accounts",
        "a2",
        value(r#"{"Code":"270","Status":"ARCHIVED"}"#),
    );
    it.insert("organisation", "o", value(r#"{"Locked":"2026-01-31"}"#));
    it
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn cents_are_put_right_as_the_route_allows() {
    use RoundingPolicy::{Hold, Line, TaxAmounts};
    let (rules, reference) = (rules(), reference());
    let cx = RulesCx {
        settings: &Value::Null,
        reference: &reference,
    };
    // 15 % of 25.06, 25.61 and 25.63: 11.44 line by line, 11.445 -> 11.45 on the sum of 76.30.
    let taxed = r#"{"Lines":[{"Amount":25.06,"Code":"S15"},{"Amount":25.61,"Code":"S15"},{"Amount":25.63,"Code":"S15"}]}"#;
    let free = r#"{"Lines":[{"Amount":10.005},{"Amount":10}]}"#;
    let cases: [(&str, &str, RoundingPolicy, &str, &str); 10] = [
        (taxed, "87.74", Hold, "0.05", "as it is"),
        (
            taxed,
            "87.75",
            Hold,
            "0.05",
            "notice: the source's total is 87.75, the target would compute 87.74: a difference of 0.01, within the route's limit",
        ),
        (
            taxed,
            "87.75",
            Hold,
            "0.00",
            "held: the source's total is 87.75, the target would compute 87.74: a difference of 0.01, above the route's limit of 0.00",
        ),
        (taxed, "87.75", TaxAmounts, "0.05", "tax: 3.77"),
        (taxed, "87.75", Line, "0.05", "tax: 3.77"),
        (
            taxed,
            "88.00",
            Line,
            "0.05",
            "held: the source's total is 88.00, the target would compute 87.74: a difference of 0.26, above the route's limit of 0.05",
        ),
        (
            free,
            "20.02",
            TaxAmounts,
            "0.05",
            "held: the source's total is 20.02, the target would compute 20.01: a difference of 0.01, which stating tax amounts on its lines cannot put right",
        ),
        (free, "20.02", Line, "0.05", "line: 0.01"),
        (free, "19.99", Line, "0.05", "line: -0.02"),
        (
            free,
            "20.04",
            Line,
            "0.05",
            "held: the source's total is 20.04, the target would compute 20.01: a difference of 0.03, more than a rounding line may have (0.02)",
        ),
    ];
    for (document, source, policy, limit, expected) in cases {
        let rounding = Rounding {
            policy,
            limit: decimal(limit),
            account: Some("860".to_owned()),
        };
        let result = reconcile(&rules, value(document), decimal(source), &rounding, cx);
        let actual = match &result {
            Ok(Reconciled { notice: None, .. }) => "as it is".to_owned(),
            Ok(Reconciled {
                document: it,
                notice: Some(notice),
                ..
            }) => {
                let last = it
                    .get("Lines")
                    .and_then(Value::as_array)
                    .and_then(<[_]>::last);
                let last = last.cloned().unwrap_or_default();
                if last.get("Account").is_some() {
                    assert_eq!(last.get("Account"), Some(&Value::from("860")));
                    assert!(notice.contains("a rounding line of"), "{notice}");
                    format!("line: {}", last.get("Amount").cloned().unwrap_or_default())
                } else if let Some(tax) = it.get("Lines.0.Tax") {
                    assert!(notice.contains("tax amounts are stated"), "{notice}");
                    format!("tax: {tax}")
                } else {
                    format!("notice: {notice}")
                }
            }
            Err(it) => format!("held: {}", it.cause),
        };
        assert_eq!(actual, expected, "{document} {source} {policy:?} {limit}");
        if let (Ok(it), true) = (&result, policy != Hold) {
            assert_eq!(rules.total(&it.document, cx), Ok(it.total));
            assert_eq!(it.total, Some(decimal(source)));
        }
    }
}

#[test]
fn states_and_totals_of_held_documents_are_read() {
    let (rules, reference) = (rules(), reference());
    let cx = RulesCx {
        settings: &Value::Null,
        reference: &reference,
    };
    let it = value(r#"{"Id":"x","Name":"Ana","Status":"PAID","Total":"12.10","MergedTo":"y"}"#);
    assert_eq!(rules.held_total(&it, cx), Ok(Some(decimal("12.1"))));
    let state = rules.held_state(&it, cx).unwrap().unwrap();
    assert_eq!(format!("{state:?}"), "Paid");
    assert_eq!(rules.active(&it, cx), Ok(true));
    assert_eq!(rules.moved_to(&it, cx), Ok(Some("y".to_owned())));
    assert_eq!(rules.label(&it, cx), "Ana");
    assert_eq!(rules.life_remedy(), Some("Restore it"));
    assert_eq!(rules.key(&it, cx), Ok(Some("x".to_owned())));
    assert!(rules.held_total(&value(r#"{"Total":"much"}"#), cx).is_err());
}

#[test]
fn checks_stop_documents_and_are_remembered() {
    let (rules, reference) = (rules(), reference());
    let cx = RulesCx {
        settings: &Value::Null,
        reference: &reference,
    };
    let mut memo = CheckMemo::default();
    let cases = [
        (
            r#"{"Date":"2026-02-01","Lines":[{"Account":"200","Code":"S15"}]}"#,
            "passes",
        ),
        (
            r#"{"Date":"2026-02-01","Lines":[{"Account":"200"},{}]}"#,
            "passes",
        ),
        (
            r#"{"Lines":[{"Account":"200"},{"Account":"270"}]}"#,
            "Lines.1 account 270 is archived / Create or restore account 270 [account 270]",
        ),
        (
            r#"{"Lines":[{"Account":"999"}]}"#,
            "Lines.0 there is no account 999 / Create or restore account 999 [account 999]",
        ),
        (
            r#"{"Date":"2026-01-31"}"#,
            " 2026-01-31 is locked / Unlock [lock date]",
        ),
        (
            r#"{"Lines":[{"Code":"X"}]}"#,
            "Lines.0 no tax X / Add it [tax X]",
        ),
        (
            r#"{"Lines":[{"Account":{"odd":1}}]}"#,
            "Lines.0 there is no account {\"odd\":1} / Create or restore account {\"odd\":1} [account {\"odd\":1}]",
        ),
    ];
    for (document, expected) in cases {
        let result = rules.checks().check_all(&value(document), cx, &mut memo);
        let actual = match result {
            Ok(()) => "passes".to_owned(),
            Err(it) => format!(
                "{} {} / {} [{}]",
                it.problem.field.unwrap_or_default(),
                it.problem.cause,
                it.problem.remedy,
                it.waits_for
            ),
        };
        assert_eq!(actual, expected, "{document}");
    }
    // A thousand documents that differ in nothing that matters cost nothing further.
    let before = memo.evaluations();
    for number in 0..1000 {
        let json =
            format!(r#"{{"Number":{number},"Date":"2026-02-01","Lines":[{{"Account":"270"}}]}}"#);
        assert!(
            rules
                .checks()
                .check_all(&value(&json), cx, &mut memo)
                .is_err()
        );
    }
    assert_eq!(memo.evaluations(), before);
}

struct NoLinks;

impl Links for NoLinks {
    fn resolve(&self, _: &LinkAsk<'_>) -> LinkAnswer {
        LinkAnswer::Target("none".to_owned())
    }
}

#[test]
fn contacts_are_found_by_the_first_certain_rule() {
    let mapping = World::new()
        .compile(
            r#"
from = "acme/customers"
to = "books/credits"
[options]
prefix = "C-"
[match]
[[match.rule]]
name = "stored id"
source = ".xid"
target = ".Id"
[[match.rule]]
name = "account number"
source = '"\($options.prefix)\(.no)"'
target = ".Account"
agree = [{ source = ".name", target = ".Name" }]
[[match.rule]]
name = "name"
source = ".name"
target = ".Name"
active-only = true
[[match.suggest]]
name = "same e-mail"
source = ".mail"
target = ".Mail"
[fields]
Type = { value = "CREDIT" }
Number = ".no"
[lines.Lines]
each = ".lines[]"
Text = ".t"
"#,
        )
        .unwrap();
    let held = [
        r#"{"Id":"1","Name":"Ana  Silva","Account":"C-7","Mail":"a@x"}"#,
        r#"{"Id":"2","Name":"Bob","Account":"C-8","Status":"GONE"}"#,
        r#"{"Id":"3","Name":"Bob","Mail":"b@x"}"#,
        r#"{"Id":"4","Name":"Twin"}"#,
        r#"{"Id":"5","Name":"twin"}"#,
        r#"{"Id":"6","Name":"Old","MergedTo":"7","Status":"GONE"}"#,
        r#"{"Id":"7","Name":"Older","MergedTo":"8","Status":"GONE"}"#,
        r#"{"Id":"8","Name":"New"}"#,
        r#"{"Id":"9","Name":"Loop","MergedTo":"10","Status":"GONE"}"#,
        r#"{"Id":"10","Name":"Pool","MergedTo":"9","Status":"GONE"}"#,
        r#"{"Id":"11","Name":"Odd","Account":"C-9"}"#,
    ]
    .map(value);
    let ids: Vec<String> = held
        .iter()
        .map(|it| it.get("Id").unwrap().to_text().to_string())
        .collect();
    let (rules, reference) = (rules(), reference());
    let cx = RulesCx {
        settings: &Value::Null,
        reference: &reference,
    };
    let documents = ids.iter().map(String::as_str).zip(&held);
    let index = mapping.match_index(documents, &rules, cx);
    let cases = [
        (r#"{"xid":"1"}"#, "1 by stored id"),
        (r#"{"xid":"1","name":"Bob"}"#, "1 by stored id"),
        (
            r#"{"xid":"","no":7,"name":" ANA silva "}"#,
            "1 by account number",
        ),
        (r#"{"name":"bob"}"#, "3 by name"),
        (
            r#"{"xid":"2","name":"Bob"}"#,
            "ask: 2 Bob (stored id; out of use: Restore it)",
        ),
        (
            r#"{"no":8,"name":"Bob"}"#,
            "ask: 2 Bob (account number; out of use: Restore it)",
        ),
        (r#"{"name":"Twin"}"#, "ask: 4 Twin (name), 5 twin (name)"),
        (r#"{"xid":"6"}"#, "8 by stored id"),
        (
            r#"{"xid":"9"}"#,
            "ask: 9 Loop (stored id; out of use: Restore it)",
        ),
        (
            r#"{"no":9,"name":"Somebody"}"#,
            "nobody; 11 Odd (account number, but not all agrees)",
        ),
        (
            r#"{"no":9}"#,
            "nobody; 11 Odd (account number, but not all agrees)",
        ),
        (
            r#"{"name":"Carl","mail":"B@X"}"#,
            "nobody; 3 Bob (same e-mail)",
        ),
        (
            r#"{"name":"Carl","no":9,"mail":"A@x"}"#,
            "nobody; 11 Odd (account number, but not all agrees), 1 Ana  Silva (same e-mail)",
        ),
        ("{}", "nobody; "),
    ];
    for (document, expected) in cases {
        let document = value(document);
        let apply = Apply {
            document: &document,
            settings: &Value::Null,
            target_settings: &Value::Null,
            number: None,
            today: "2026-01-01",
            links: &NoLinks,
            followed: &Followed::default(),
            shared: &Shared::default(),
        };
        let shown = |it: Vec<super::Suggestion>| {
            let all = it
                .into_iter()
                .map(|it| format!("{} {} ({})", it.id, it.label, it.why));
            all.collect::<Vec<_>>().join(", ")
        };
        let actual = match mapping.decide(&index, &rules, &apply).unwrap() {
            MatchAnswer::One { id, rule } => format!("{id} by {rule}"),
            MatchAnswer::Many(it) => format!("ask: {}", shown(it)),
            MatchAnswer::None { suggestions } => format!("nobody; {}", shown(suggestions)),
        };
        assert_eq!(actual, expected, "{document}");
    }
    assert_eq!(index.current("6"), Some(("8", true)));
    assert_eq!(index.current("2"), Some(("2", false)));
    assert_eq!(index.current("99"), None);
    assert!(mapping.matcher().is_some_and(super::Matcher::unique));
}

fn update() -> Update {
    serde_json::from_value(json!({
        "omit": ["Status"], "line-ids": {"Lines": "LineID"},
        "amounts": ["Lines.Amount", "Lines.Tax", "Currency"], "open-states": ["draft"]
    }))
    .unwrap()
}

#[test]
fn the_bookkeepers_edits_stay() {
    let sent = r#"{"Number":"N1","Date":"2026-01-31","Ref":"A","Status":"DRAFT","Contact":{"ID":"c1"},
        "Lines":[{"Text":"a","Amount":10.00,"LineID":"l1"},{"Text":"b","Amount":20,"LineID":"l2"}]}"#;
    let held = r#"{"Number":"N1","Date":"2026-01-31","Ref":"A","Status":"PAID","Contact":{"ID":"c1","Name":"Ana"},
        "Total":30,"Lines":[{"Text":"a","Amount":"10.0","LineID":"l1","Tag":"x","Tax":1.5},{"Text":"b","Amount":20.00,"LineID":"l2"}]}"#;
    let wanted = r#"{"Number":"N1","Date":"2026-01-31","Ref":"A","Status":"DRAFT","Contact":{"ID":"c1"},
        "Lines":[{"Text":"a","Amount":10.00},{"Text":"b","Amount":20}]}"#;
    // (change there, change at the source, kept, conflicts, changed, amounts changed, body contains)
    type Change<'a> = (&'a str, &'a str);
    let none: Change<'_> = ("", "");
    let cases: [(Change<'_>, Change<'_>, &str, &str, bool, bool, &str); 14] = [
        (
            none,
            none,
            "",
            "",
            false,
            false,
            r#"{"LineID":"l1","Text":"a","Amount":10.00,"Tag":"x","Tax":1.5}"#,
        ),
        (
            (r#""Ref":"A""#, r#""Ref":"B""#),
            none,
            "Ref",
            "",
            false,
            false,
            r#""Ref":"B""#,
        ),
        (
            none,
            (r#""Ref":"A""#, r#""Ref":"C""#),
            "",
            "",
            true,
            false,
            r#""Ref":"C""#,
        ),
        (
            (r#""Ref":"A""#, r#""Ref":"B""#),
            (r#""Ref":"A""#, r#""Ref":"C""#),
            "",
            "Ref",
            false,
            false,
            r#""Ref":"B""#,
        ),
        (
            (r#""Ref":"A""#, r#""Ref":"C""#),
            (r#""Ref":"A""#, r#""Ref":"C""#),
            "",
            "",
            false,
            false,
            r#""Ref":"C""#,
        ),
        (
            (r#""ID":"c1""#, r#""ID":"c2""#),
            none,
            "Contact.ID",
            "",
            false,
            false,
            r#""Contact":{"ID":"c2"}"#,
        ),
        (
            none,
            (r#""Text":"b""#, r#""Text":"B""#),
            "",
            "",
            true,
            false,
            r#"{"LineID":"l2","Text":"B","Amount":20}"#,
        ),
        (
            none,
            (r#""Amount":10.00"#, r#""Amount":11"#),
            "",
            "",
            true,
            true,
            r#"{"LineID":"l1","Text":"a","Amount":11,"Tag":"x"}"#,
        ),
        (
            (r#""Text":"a""#, r#""Text":"mine""#),
            (r#""Amount":20"#, r#""Amount":21"#),
            "Lines.0.Text",
            "",
            true,
            true,
            r#"{"LineID":"l1","Text":"mine","Amount":10.00,"Tag":"x","Tax":1.5},{"LineID":"l2","Text":"b","Amount":21}"#,
        ),
        (
            (r#""Amount":20.00"#, r#""Amount":22"#),
            (r#""Amount":20"#, r#""Amount":21"#),
            "",
            "Lines.1.Amount",
            false,
            false,
            r#""Amount":22"#,
        ),
        // The source put a line in front: the others keep their ids.
        (
            none,
            (
                r#"[{"Text":"a""#,
                r#"[{"Text":"new","Amount":1},{"Text":"a""#,
            ),
            "",
            "",
            true,
            true,
            r#""Lines":[{"Text":"new","Amount":1},{"LineID":"l1","Text":"a""#,
        ),
        // The source took a line away.
        (
            none,
            (r#"{"Text":"a","Amount":10.00},"#, ""),
            "",
            "",
            true,
            true,
            r#""Lines":[{"LineID":"l2","Text":"b","Amount":20}]"#,
        ),
        // The bookkeeper added one, or took one away.
        (
            (
                r#"{"Text":"b""#,
                r#"{"Text":"hers","LineID":"l9"},{"Text":"b""#,
            ),
            none,
            "Lines.1",
            "",
            false,
            false,
            r#"{"Text":"hers","LineID":"l9"}]"#,
        ),
        (
            (r#",{"Text":"b","Amount":20.00,"LineID":"l2"}"#, ""),
            none,
            "Lines.1",
            "",
            false,
            false,
            r#""Lines":[{"LineID":"l1""#,
        ),
    ];
    for (there, source, kept, conflicts, changed, amounts, part) in cases {
        let held_now = value(&if there.0.is_empty() {
            held.to_owned()
        } else {
            held.replacen(there.0, there.1, 1)
        });
        let wanted_now = value(&if source.0.is_empty() {
            wanted.to_owned()
        } else {
            wanted.replacen(source.0, source.1, 1)
        });
        let result = three_way(&value(sent), &held_now, &wanted_now, &update());
        let fields = |it: &[super::Difference]| {
            it.iter()
                .map(|it| it.field.clone())
                .collect::<Vec<_>>()
                .join(",")
        };
        let shown = format!("{there:?} {source:?}: {result:#?}");
        assert_eq!(fields(&result.kept), kept, "{shown}");
        assert_eq!(fields(&result.conflicts), conflicts, "{shown}");
        assert_eq!(
            (result.changed, result.amounts_changed),
            (changed, amounts),
            "{shown}"
        );
        let body = result.body.to_json();
        assert!(body.contains(part), "{part} is not in {body}");
        assert!(
            !body.contains("Status") && !body.contains("Total"),
            "{body}"
        );
    }
}

#[test]
fn an_adopted_document_has_no_past() {
    let held = value(r#"{"Ref":"A","Lines":[{"Text":"a","LineID":"l1"}]}"#);
    let same = value(r#"{"Ref":"A","Lines":[{"Text":"a"}]}"#);
    let result = three_way(&Value::Null, &held, &same, &update());
    assert!(!result.changed && result.conflicts.is_empty(), "{result:?}");
    let other = value(r#"{"Ref":"B","Lines":[{"Text":"z"}]}"#);
    let result = three_way(&Value::Null, &held, &other, &update());
    let fields: Vec<_> = result
        .conflicts
        .iter()
        .map(|it| it.field.as_str())
        .collect();
    assert_eq!(fields, ["Ref", "Lines.0.Text"]);
    let more = value(r#"{"Ref":"A","Lines":[{"Text":"a"},{"Text":"b"}]}"#);
    let result = three_way(&Value::Null, &held, &more, &update());
    assert_eq!(result.conflicts.len(), 1);
    assert_eq!(result.body.get("Lines"), held.get("Lines"));
}

#[test]
fn what_the_target_changed_without_a_word_is_told() {
    let sent = value(
        r#"{"Number":"N1","Total":36.30,"Contact":{"ID":"c"},"Lines":[{"Text":"a","Amount":10.12345},{"Text":"b","Tags":[{"N":"x"}]}]}"#,
    );
    let answered = value(
        r#"{"Number":"N1","Total":"36.3","Contact":{"ID":"c","Name":"Ana"},"Id":"i","Lines":[
            {"Text":"a","Amount":10.12,"LineID":"l1"},{"Text":"b","Tags":[{"N":"x","Id":"t"}],"LineID":"l2"},{"Text":"c","LineID":"l3"}]}"#,
    );
    let found = differences(&sent, &answered, &update());
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "Lines.0.Amount: sent 10.12345, there 10.12",
            "Lines (count): sent 2, there 3"
        ]
    );
    let with_ids = with_line_ids(&sent, &answered, &update());
    assert_eq!(with_ids.get("Lines.1.LineID"), Some(&Value::from("l2")));
    // By id, whatever the order in which lines come back.
    let turned = value(
        r#"{"Number":"N1","Total":36.3,"Contact":{"ID":"c"},"Lines":[
            {"Text":"b","Tags":[{"N":"x"}],"LineID":"l2"},{"Text":"a","Amount":10.12345,"LineID":"l1"}]}"#,
    );
    assert!(differences(&with_ids, &turned, &update()).is_empty());
    let missing = differences(&sent, &Value::Null, &update());
    assert_eq!(missing.len(), 5, "{missing:?}");
}
