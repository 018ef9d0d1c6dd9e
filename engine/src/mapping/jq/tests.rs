use std::collections::BTreeMap;

use super::{Library, Prelude, Program};
use crate::mapping::value::Value;

const GLOBALS: [&str; 2] = ["$document", "$settings"];

fn value(json: &str) -> Value {
    Value::parse(json.as_bytes()).unwrap_or_else(|it| panic!("{json}: {it}"))
}

fn compile(preludes: &[(&str, &str)], code: &str) -> Result<Program, String> {
    let preludes: Vec<Prelude> = preludes
        .iter()
        .map(|(name, code)| Prelude::new(name, code))
        .collect();
    let (mut library, mut faults) = Library::new(&preludes);
    faults.extend(library.check(&preludes, &GLOBALS));
    let mut found: Vec<String> = faults
        .into_iter()
        .map(|(prelude, it)| {
            format!(
                "{} {:?}: {}",
                prelude.name(),
                &prelude.code()[it.span],
                it.message
            )
        })
        .collect();
    match Program::compile(&library, code, &GLOBALS) {
        Ok(it) if found.is_empty() => Ok(it),
        Ok(_) => Err(found.join("\n")),
        Err(faults) => {
            found.extend(faults.into_iter().map(|it| {
                let help = it.help.map(|it| format!(" ({it})")).unwrap_or_default();
                format!("{:?}: {}{help}", &code[it.span], it.message)
            }));
            Err(found.join("\n"))
        }
    }
}

fn run(program: &Program, input: &str) -> String {
    let settings = value(r#"{"zone":"Australia/Sydney"}"#);
    let input = value(input);
    match program.all(&input, &[&input, &settings]) {
        Ok(it) => it.iter().map(Value::to_json).collect::<Vec<_>>().join(" "),
        Err(it) => format!("! {it}"),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    let mut wrong = BTreeMap::new();
    for (input, code, expected) in cases {
        let actual = match compile(&[], code) {
            Ok(it) => run(&it, input),
            Err(it) => format!("refused: {it}"),
        };
        if actual != *expected {
            wrong.insert(format!("{input} | {code}"), (actual, expected.to_string()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn numbers_stay_exact() {
    check(&[
        ("{\"a\":12.10}", ".a * 3", "36.30"),
        ("null", "12.10 * 3", "36.30"),
        ("null", "0.1 + 0.2", "0.3"),
        ("null", "1 / 3", "0.333333333333"),
        ("null", "10 / 4", "2.5"),
        ("null", "1.0 == 1.00", "true"),
        ("null", "2.5 | round, round(1)", "3 2.5"),
        ("null", "-2.5 | round", "-3"),
        ("null", "1.005 | round(2)", "1.01"),
        ("null", "10 | div(3; 4)", "3.3333"),
        ("null", "2 | div(3; 2)", "0.67"),
        ("null", "-7.50 | abs", "7.50"),
        ("null", "7 % 3", "1"),
        (
            "[25.06, 25.61, 25.63]",
            "map(. * 0.15 | round(2)) | add",
            "11.44",
        ),
        ("[25.06, 25.61, 25.63]", "add * 0.15 | round(2)", "11.45"),
        (
            "12345678901234567890123456789012345678",
            "tostring",
            "\"12345678901234567890123456789012345678\"",
        ),
        (
            "{\"id\":12345678901234567890123456789012345678}",
            ".id",
            "12345678901234567890123456789012345678",
        ),
        (
            "12345678901234567890123456789012345678",
            ". + 1",
            "! `12345678901234567890123456789012345678` has too many digits to calculate with",
        ),
        ("1", ". / 0", "! `1` cannot be divided by zero"),
        ("\"12.10\"", "tonumber + 1", "13.10"),
        (
            "[\"09\", \"-007.50\", \"00\", \"0.5\", \"-0\", \"000.1\"]",
            "map(tonumber)",
            "[9,-7.50,0,0.5,0,0.1]",
        ),
        ("\"0x\"", "tonumber", "! string \"0x\" is not a number"),
        ("\"x\"", "tonumber", "! string \"x\" is not a number"),
        ("null", "007.5", "7.5"),
        ("null", "1e2", "100"),
    ]);
}

#[test]
fn the_language_is_there() {
    check(&[
        (
            r#"{"a":{"b":[1,2,{"c":3}]}}"#,
            ".a.b[2].c, .a.b[-1].c, .a.x.y, .a.b[9]",
            "3 3 null null",
        ),
        (r#"{"a b":1}"#, r#"."a b", .["a b"]"#, "1 1"),
        (
            r#"[1,2,3,4]"#,
            ".[1:3], .[:-1], .[2:]",
            "[2,3] [1,2,3] [3,4]",
        ),
        (r#""äbc""#, ".[1:]", r#""bc""#),
        (
            r#"[3,1,2]"#,
            "sort, min, max, add, length, reverse",
            "[1,2,3] 1 3 6 3 [2,1,3]",
        ),
        (
            r#"[]"#,
            "add, min, first, last, any, all",
            "null null null null false true",
        ),
        (
            r#"[{"k":"b","v":1},{"k":"a","v":2},{"k":"b","v":3}]"#,
            "group_by(.k) | map(map(.v))",
            "[[2],[1,3]]",
        ),
        (
            r#"[{"k":"b","v":1},{"k":"a","v":2},{"k":"b","v":3}]"#,
            "sort_by(.k) | map(.v)",
            "[2,1,3]",
        ),
        (
            r#"[{"v":1},{"v":3},{"v":2}]"#,
            "max_by(.v).v, min_by(.v).v",
            "3 1",
        ),
        (r#"[1,1,2]"#, "unique", "[1,2]"),
        (
            r#"{"b":1,"a":2}"#,
            "keys, to_entries, with_entries(.value += 1), has(\"a\"), length",
            r#"["a","b"] [{"key":"b","value":1},{"key":"a","value":2}] {"b":2,"a":3} true 2"#,
        ),
        (r#"[["a",1]]"#, "map({(.[0]): .[1]}) | add", r#"{"a":1}"#),
        (r#"[[1,[2]],3]"#, "flatten, flatten(1)", "[1,2,3] [1,[2],3]"),
        (r#"["a",null,1,true]"#, "join(\"-\")", r#""a--1-true""#),
        (
            r#""a,b,,c""#,
            "split(\",\"), (. / \",\" | length)",
            r#"["a","b","","c"] 4"#,
        ),
        (
            r#""Abc""#,
            "ascii_downcase, ascii_upcase, ltrimstr(\"A\"), rtrimstr(\"c\"), startswith(\"Ab\"), endswith(\"x\")",
            r#""abc" "ABC" "bc" "Ab" true false"#,
        ),
        (
            r#""INV-0012""#,
            r#"test("^INV-\\d+$"), test("inv"; "i"), test("x")"#,
            "true true false",
        ),
        (
            r#""aé""#,
            "explode, (explode | implode), length",
            r#"[97,233] "aé" 2"#,
        ),
        (
            r#"{"a":null}"#,
            ".a // \"none\", (.a // .b // 3)",
            r#""none" 3"#,
        ),
        (
            "5",
            "if . > 3 then \"big\" elif . > 1 then \"mid\" else \"small\" end",
            "\"big\"",
        ),
        (
            "[1,2,3]",
            "reduce .[] as $x (0; . + $x), [foreach .[] as $x (0; . + $x)]",
            "6 [1,3,6]",
        ),
        (
            "[1,2,3]",
            "[.[] | select(. != 2)], map(. * 2), any(. > 2), all(. > 2)",
            "[1,3] [2,4,6] true false",
        ),
        (
            r#"{"a":[{"b":1}]}"#,
            r#"def total: map(.b) | add; .a | total"#,
            "1",
        ),
        (
            "null",
            r#"try error("x") catch ., (error({a:1})? // "none")"#,
            r#""x" "none""#,
        ),
        (
            r#"{"a":1,"l":[{"t":1},{"t":2}]}"#,
            ".a = 5 | .l[].t += 1 | .l[0].n = \"x\" | .new.deep = 1",
            r#"{"a":5,"l":[{"t":2,"n":"x"},{"t":3}],"new":{"deep":1}}"#,
        ),
        (
            r#"[{"a":1},{"a":2}]"#,
            "(.[] | select(.a == 2) | .b) |= 7, map_values(.a)",
            r#"[{"a":1},{"a":2,"b":7}] [1,2]"#,
        ),
        (
            "[[1,2]]",
            ".[] as [$a, $b] | {$a, $b, c: ($a + $b)}",
            r#"{"a":1,"b":2,"c":3}"#,
        ),
        (
            r#"{"a":"x"}"#,
            r#""<\(.a)|\(1.50)|\(null)>""#,
            r#""<x|1.50|null>""#,
        ),
        (
            "[1,[2]]",
            "contains([1]), tojson, type",
            r#"true "[1,[2]]" "array""#,
        ),
        (
            r#"{"a":1}"#,
            "$document.a, $settings.zone",
            r#"1 "Australia/Sydney""#,
        ),
        (
            "{\"a\":1} ",
            ".a as $a | [$a, .a] # words after it",
            "[1,1]",
        ),
        (
            r#"{"a":{"x":1,"y":1}}"#,
            ".a * {y: 2}, .a + {z: 3}, ({a: {b: 1}} * {a: {c: 2}})",
            r#"{"x":1,"y":2} {"x":1,"y":1,"z":3} {"a":{"b":1,"c":2}}"#,
        ),
        ("[1,2,1]", ". - [1]", "[2]"),
        (
            "[null,false,0]",
            "map(values), map(not), (.[2] | abs)",
            "[false,0] [true,true,false] 0",
        ),
        (
            "[4,5]",
            "first(.[]), last(.[]), isempty(.[] | select(. > 9))",
            "4 5 true",
        ),
    ]);
}

#[test]
fn dates_are_calendar_dates_in_a_zone() {
    check(&[
        (
            r#""2026-01-31T13:00:00Z""#,
            "date, date(\"Australia/Sydney\")",
            r#""2026-01-31" "2026-02-01""#,
        ),
        (
            r#""2026-01-31T13:00:00.1234567Z""#,
            "date($settings.zone)",
            r#""2026-02-01""#,
        ),
        (
            r#""2026-01-31T13:00:00.123456789+00:00""#,
            "date(\"UTC\")",
            r#""2026-01-31""#,
        ),
        (
            r#""2026-01-31T13:00:00""#,
            "date(\"Pacific/Auckland\")",
            r#""2026-02-01""#,
        ),
        (
            r#""2026-07-01T23:30:00+10:00""#,
            "date(\"Australia/Perth\")",
            r#""2026-07-01""#,
        ),
        (
            r#""2026-10-03T16:00:00Z""#,
            "date(\"Australia/Sydney\")",
            r#""2026-10-04""#,
        ),
        (
            r#""2026-01-31""#,
            "date(\"Australia/Sydney\")",
            r#""2026-01-31""#,
        ),
        ("null", "date(\"Australia/Sydney\")", "null"),
        (
            r#""2026-02-30""#,
            "date",
            r#"! string "2026-02-30" is neither a date nor an instant"#,
        ),
        (
            r#""yesterday""#,
            "date",
            r#"! string "yesterday" is neither a date nor an instant"#,
        ),
        ("5", "date", "! number 5 is not text"),
        (
            r#""2026-01-31T13:00:00Z""#,
            "date(\"Mars/North\")",
            r#"! string "Mars/North" is not a time zone"#,
        ),
    ]);
}

#[test]
fn what_goes_wrong_is_said_plainly() {
    check(&[
        (
            r#"{"a":"x"}"#,
            ".a.b",
            r#"! cannot look up `b` in string "x""#,
        ),
        (
            r#"{"a":"x"}"#,
            ".a.b | tojson",
            r#"! cannot look up `b` in string "x""#,
        ),
        ("null", ".[]", "! cannot go through the elements of null"),
        ("null", "[.[]]", "! cannot go through the elements of null"),
        (
            r#"{"a":"x"}"#,
            ".a + 1",
            r#"! cannot add string "x" and number 1"#,
        ),
        ("{}", "{(1): 2}", "! number 1 cannot name a field"),
        ("[1]", ".a", "! cannot look up `a` in array [1]"),
        ("[1]", ".[5] = 1", "! the array has no element 5"),
        ("{}", "error(\"no serial\")", "! no serial"),
        (
            "\"ab\"",
            "test(.[0:0] + \"(\")",
            "! `(` is not a regular expression: unclosed group",
        ),
    ]);
    let both = compile(&[], "1, 2").and_then(|it| {
        it.one(&Value::Null, &[])
            .map(|it| format!("{it:?}"))
            .map_err(|it| it.message)
    });
    assert_eq!(both, Err("gives 2 values where one is wanted".to_owned()));
}

#[test]
fn raised_errors_are_told_from_others() {
    let raised = |code: &str| {
        let program = compile(&[], code).unwrap();
        program
            .all(&value(r#"{"a":"x"}"#), &[])
            .map_err(|it| it.raised)
    };
    assert_eq!(
        raised("error(\"no serial\")"),
        Err(Some(Value::from("no serial")))
    );
    assert_eq!(
        raised("error({cause: .a})"),
        Err(Some(value(r#"{"cause":"x"}"#)))
    );
    assert_eq!(raised(".a + 1"), Err(None));
    assert_eq!(raised("try error(\"x\") catch (. + 1)"), Err(None));
}

#[test]
fn looking_up_directly_gives_what_the_interpreter_gives() {
    let inputs = [
        "null",
        "5",
        r#""text""#,
        "[1,[2,3],{\"a\":4}]",
        r#"{"a":{"b":[{"c":1.50},{"c":null},{}]},"id":12,"s":"x","t":true,"f":false,"n":null}"#,
        r#"{"a":[],"b":{"a":1}}"#,
    ];
    let codes = [
        ".",
        ".a",
        ".a.b",
        ".a.b[]",
        ".a.b[].c",
        ".a.b[0].c",
        ".[0]",
        ".[-1]",
        ".[1][0]",
        ".[]",
        ".id|tostring",
        ".a|tostring",
        ".s|tostring",
        ".n // .s",
        ".f // .n // 7",
        ".s == \"x\"",
        ".id != 12.0",
        ".id >= 12",
        ".a < .b",
        ".t and .f",
        ".n or .t",
        ".f and .a.b.c",
        ".t | not",
        "$document.id",
        "$settings.zone",
        "\"lit\"",
        "12.10",
        "[]",
        "null",
        "true",
        "false",
        ".[\"a\"]",
        ".\"a\".b",
        ".a[].c",
        ".id == 12 and (.s // \"\") != \"\"",
        ".a.b[1.0]",
        ".a.b[0.5]",
        ".s.x // 1",
        ".a[\"x\"]",
        "[.[]?]",
        "[.a?, .b?]",
        ".a?",
        ".a.b[]?.c",
        "[.a.b[]?.c] | length",
        "[.[]? | select(. != null)]",
        "def f(g): [g, g]; f(.a?)",
        "def f($x; g): $x | g; f(.id?; [.])",
        "def f(g): def h: g; [h]; f(.s?)",
        "def f($x; $y): [$x, $y]; f(1, 2; 3, 4)",
        "[(1, 2) + (10, 20)]",
        "[(1, 2) as $x | (3, 4) as $y | [$x, $y]]",
        "[(1, 2) as $x | ($x, $x + 1) | . as $y | [$x, $y]]",
        "{a: (1, 2), b: (3, 4)}",
        "{\"x\": .id?, (\"y\", \"z\"): 1}",
        "{a: 1, b: 2, a: 3}",
        "{(1): 2}",
        ". as $d | {$d}",
        "\"\\(.id?) of \\(.s?)\"",
        "\"\\((1, 2)) \\((3, 4))\"",
        "\"\\(.)\"",
        "-(.id?)",
        "-((1, 2))",
        "-.s",
        "try error(\"x\") catch .",
        "try error({a: 1}) catch .a",
        "error(\"out\")",
        "try (1, error(\"x\"), 3) catch .",
        "[(1, 2) | try . catch 5 | if . == 2 then error(\"y\") else . end]",
        "try ((1, 2) | try . catch 5 | if . == 2 then error(\"y\") else . end) catch \"caught \\(.)\"",
        "[.a.x?, try .s.x catch \"no\"]",
        "(.n, .f, .s)? // 1",
        "[(null, false, 1, 2) // 5]",
        "[(null, false) // (5, 6)]",
        "[empty // 7]",
        "first((1, 2, error(\"never\")))",
        "[first(empty)]",
        "[last((1, 2, 3))]",
        "last((1, error(\"x\")))",
        "reduce (1, 2, 3) as $x (0; . + $x)",
        "reduce .[]? as $x ([]; . + [$x])",
        "reduce empty as $x (5; 6)",
        "[.[]?] | map(type) | sort | unique",
        "[1, 2, 3] | any(. == 2), all(. > 0), isempty(.[])",
        "[{k: 2, v: 1}, {k: 1, v: 2}, {k: 2, v: 3}] | group_by(.k), sort_by(.v), unique_by(.k), min_by(.v), max_by(.k)",
        "[1, 2, 3, 4] | .[1:3], .[:-1], .[2:], .[(0, 1)]",
        "\"abcdef\" | .[1:3], .[4:], length, ascii_upcase, explode",
        "\"a,b\" | split(\",\") | join(\"-\")",
        "\"x1\" | test(\"^X[0-9]$\"; \"i\")",
        "12.345 | round(2), round, abs, div(7; 3), tostring, . / 3, . % 5, tojson",
        "1 / 0",
        "{} + 1",
        "if . == null then 1 elif .id? then 2 else 3 end",
        "if .id? == 12 then .a end",
        "if (true, false) then 1 else 2 end",
        "(true, false) and (true, false)",
        "(.t?, .f?) or true",
        "{a: {b: 1}} | .a as $x | $x.b, $x[\"b\"], $x.c",
        "[[1, 2], [3]] | .[][0], flatten, (map(add) | add), reverse",
        "{b: 1, a: 2} | keys, to_entries, (to_entries | from_entries), (with_entries({key: .value | tostring, value: .key}))",
        "tonumber?, tonumber(0)?, one_line, length?",
        "007 + 1.50, 1e3, 0.5",
        "$settings.zone // $document.id?",
    ];
    // Each run compares both.
    for code in codes {
        let program = compile(&[], code).unwrap_or_else(|it| panic!("{code}: {it}"));
        assert!(program.is_direct(), "{code}");
        for input in inputs {
            let _ = run(&program, input);
        }
    }
}

#[test]
fn what_must_not_run_is_refused_at_load() {
    let cases = [
        ("def f: 1+f; f", "`f` calls itself"),
        ("def f: f; f", "`f` calls itself"),
        ("def f: def g: f; g; f", "`f` calls itself"),
        ("def f(x): x | f(x); f(.a)", "`f` calls itself"),
        ("def f(x): x; def g: f(g); g", "`g` calls itself"),
        ("def f(x): x; def g: f(f(f(g))); 1", "`g` calls itself"),
        ("def f: 1+f; .", "`f` calls itself"),
        ("[range(infinite)]", "no function `range`"),
        ("repeat(.)", "no function `repeat`"),
        ("[recurse]", "no function `recurse`"),
        ("[..]", "`..` is not available"),
        ("[limit(3; .)]", "no function `limit`"),
        ("while(true; .)", "no function `while`"),
        ("until(false; .)", "no function `until`"),
        ("env", "no function `env`"),
        ("$ENV", "no variable `$ENV`"),
        ("now", "no function `now`"),
        ("input", "no function `input`"),
        ("halt", "no function `halt`"),
        ("_raise", "no function `_raise`"),
        ("@base64", "no function `@base64`"),
        ("@base64 \"x\"", "no function `@base64`"),
        ("label $out | break $out", "not available"),
        ("path(.a)", "no function `path`"),
        ("(reduce .[] as $x (.; .a)) |= 1", "may hold only paths"),
        ("first(.a) |= 1", "may hold only paths"),
        ("import \"x\" as x; .", "not jq"),
        ("test(\"(\")", "not a regular expression"),
        ("test(\"(a{1000}){1000}\")", "not a regular expression"),
        ("$documnet.a", "did you mean `$document`?"),
        (".a | tostrin", "did you mean `tostring`?"),
        ("map(1; 2)", "`map` takes 1 arguments"),
        ("acme::x", "no functions `acme::`"),
        (
            "def a: .,.; def b: a|a; def c: b|b|b|b; def d: c|c|c|c; def e: d|d|d|d; def f: e|e|e|e; \
          def g: f|f|f|f; def h: g|g|g|g; def i: h|h|h|h; def j: i|i|i|i; j",
            "too much work",
        ),
        (
            "def f(g): g|g; f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(.))))))))))))))))))))",
            "too much work",
        ),
        (".a.", "expected key"),
        ("if . then 1", "expected else or end"),
        (".a +", "expected term"),
        ("\"abc", "expected closing quote"),
        ("& .", "expected token"),
        ("", "expected term"),
        ("reduce .[] as $x (0)", "takes a start and a step"),
    ];
    for (code, expected) in cases {
        match compile(&[], code) {
            Ok(_) => panic!("{code} was taken"),
            Err(it) => assert!(it.contains(expected), "{code}: {it}"),
        }
    }
}

#[test]
fn monstrous_texts_are_refused_and_end_nothing() {
    let monsters = [
        "(".repeat(10_000),
        "[".repeat(60) + &"]".repeat(60),
        "-".repeat(10_000) + "1",
        "try ".repeat(4_000) + ".",
        "if ".repeat(5_000),
        ".a|".repeat(5_000) + ".",
        "1+".repeat(5_000) + "1",
        "def f: ".repeat(2_000),
        "reduce ".repeat(2_000),
        ". as $x | ".repeat(1_500) + ".",
        "\"\\(".repeat(4_000),
        ".a".repeat(9_000),
        ".[0]".repeat(4_090) + "?",
        "1,".repeat(8_000) + "1",
        "[".to_owned() + &"1,".repeat(8_000) + "1]",
        "{".to_owned() + &"a:1,".repeat(4_000) + "a:1}",
        "elif ".repeat(3_000),
        "\"".to_owned() + &"\\n".repeat(8_000) + "\"",
        "x".repeat(20_000),
    ];
    for it in monsters {
        let head: String = it.chars().take(20).collect();
        eprintln!("{head}");
        // Refused or run, each comes back on a small stack.
        let done = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || compile(&[], &it).map(|it| run(&it, "[1]").len()))
            .unwrap()
            .join();
        assert!(done.is_ok(), "{head}");
    }
}

#[test]
fn what_grows_while_it_runs_is_ended() {
    let doubling = |times: usize| format!("[1,1]{}", " | [.[], .[]]".repeat(times));
    let text = |times: usize| format!("\"abcdefgh\"{}", " | . + .".repeat(times));
    let cases = [
        (doubling(20), "was ended after 2000000 steps"),
        (doubling(100), "was ended after 2000000 steps"),
        (text(40), "a text of more than"),
        (format!("try ({}) catch 1", doubling(40)), "was ended"),
        (format!("({}) // 1", doubling(40)), "was ended"),
        ("reduce .[] as $x (0; [.])".to_owned(), "nested too deeply"),
        (
            "reduce .[] as $x (0; {a: .})".to_owned(),
            "nested too deeply",
        ),
        (
            format!(
                "[.[] | .[]?] | length | [{}] | length",
                vec!["."; 100].join(",")
            ),
            "100",
        ),
        (
            format!("{} | [., ., ., ., .] | [., ., ., ., .]", text(17)),
            "gives more than",
        ),
    ];
    let heavy = "[1,2]".to_owned() + &" | [., .]".repeat(60);
    let heavy_cases = [
        format!("{heavy} | tojson | length"),
        format!("{heavy} | tostring"),
        format!("({heavy}) as $a | ({heavy}) as $b | $a == $b"),
        format!("{heavy} | sort"),
        format!("{heavy} | flatten | length"),
        format!("{heavy} | unique"),
        heavy.clone(),
    ];
    for code in heavy_cases {
        let program = compile(&[], &code).unwrap_or_else(|it| panic!("{code}: {it}"));
        let actual = run(&program, "null");
        assert!(
            actual.contains("was ended") || actual.contains("gives more"),
            "{code}: {actual:.99}"
        );
    }
    // Told in a few words, however much it stands for.
    let told = compile(&[], &format!("{heavy} | . + 1")).unwrap();
    assert_eq!(
        run(&told, "null").len(),
        "! cannot add array … and number 1".len() + 40
    );

    let input = format!("[{}]", vec!["1"; 500].join(","));
    for (code, expected) in cases {
        let program = compile(&[], &code).unwrap_or_else(|it| panic!("{code}: {it}"));
        let actual = run(&program, &input);
        assert!(
            actual.contains(expected),
            "{code}: {}",
            &actual[..actual.len().min(200)]
        );
    }
    // And the thread is as good as new.
    check(&[("[1]", ".[0] + 1", "2")]);
}

#[test]
fn long_lists_are_fine() {
    let input = format!("[{}]", vec!["{\"t\":1.10}"; 20_000].join(","));
    let cases = [
        ("reduce .[] as $x (0; . + $x.t)", "22000.00"),
        ("map(.t) | add", "22000.00"),
        ("[.[] | select(.t > 1)] | length", "20000"),
        ("map(.t) | group_by(.) | length", "1"),
        (".[].t |= . + 1 | map(.t) | add", "42000.00"),
    ];
    for (code, expected) in cases {
        assert_eq!(
            run(&compile(&[], code).unwrap(), &input),
            expected,
            "{code}"
        );
    }
}

#[test]
fn deep_programs_run_on_a_small_stack() {
    // As deep as the analysis lets through, in the forms that nest most.
    let mut deepest = BTreeMap::new();
    for (name, part, end) in [
        ("pipes", ". | ", "."),
        ("bindings", ". as $x | ", "."),
        ("sums", "1 + ", "1"),
        ("alternatives", "null // ", "1"),
        ("commas", "1, ", "1"),
        ("definitions", "def f: .; f | ", "."),
    ] {
        let fits = (1..600).rev().find(|times| {
            let code = format!("def go: {}{end}; [go]", part.repeat(*times));
            compile(&[], &code).is_ok()
        });
        let times = fits.unwrap();
        deepest.insert(name, times);
        let code = format!("def go: {}{end}; [go]", part.repeat(times));
        let ran = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || run(&compile(&[], &code).unwrap(), "1"))
            .unwrap()
            .join();
        assert!(ran.is_ok_and(|it| it.starts_with('[')), "{name}");
    }
    assert!(deepest.values().all(|it| *it >= 30), "{deepest:?}");
}

#[test]
fn preludes_are_modules() {
    let prelude = "def cents: . * 100;\n\
        def lines: [.lines[] | {d: .text, t: (.amount | cents)}];\n\
        def zone: $settings.zone;\n\
        def pair($n; f): [$n, (.lines[0] | f)];\n\
        def again: acme_two::lines | length;";
    let input = r#"{"lines":[{"text":"a","amount":1.25}]}"#;
    let cases = [
        ("acme_two::lines[]", r#"{"d":"a","t":125.00}"#),
        ("acme_two::zone", r#""Australia/Sydney""#),
        ("acme_two::pair(1; .text)", r#"[1,"a"]"#),
        ("acme_two::again", "1"),
    ];
    for (code, expected) in cases {
        let program = compile(&[("acme-two", prelude)], code);
        let program = program.unwrap_or_else(|it| panic!("{code}: {it}"));
        assert_eq!(run(&program, input), expected, "{code}");
    }

    let settings = Prelude::new("books", "def s: $settings.a;").with_settings("$target_settings");
    assert_eq!(settings.code(), "def s: $target_settings.a;");

    let refused = [
        (
            "def a: b; def b: 1;",
            "acme::a",
            "acme \"b\": no function `b` is available",
        ),
        ("def a: acme::a;", ".", "acme \"a\": `a` calls itself"),
        ("def a: $nothing;", ".", "no variable `$nothing`"),
        ("def a: 1", ".", "expected `;`"),
        ("def a: other::b;", ".", "no functions `other::`"),
        ("def a: 1;", "acme::b", "no function `acme::b` is available"),
        ("def a: 1;", "acme::a(2)", "`acme::a` takes 0 arguments"),
        ("def line: 1;", "acme::lines", "did you mean `acme::line`?"),
        ("def a(f): f; ", "def g: acme::a(g); g", "`g` calls itself"),
        ("def a: 1;", "amce::a", "did you mean `acme::a`?"),
    ];
    for (prelude, code, expected) in refused {
        match compile(&[("acme", prelude)], code) {
            Ok(_) => panic!("{prelude} {code} was taken"),
            Err(it) => assert!(it.contains(expected), "{prelude} {code}: {it}"),
        }
    }
}
