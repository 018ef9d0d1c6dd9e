//! Connectors that break each rule of the contract in turn. They are written against the bare
//! boundary, as no SDK would let them.

use std::ffi::c_void;

use expect_test::expect;
use ledgerline_plugin_api::abi::{
    self, Bytes, ConnectorVtbl, CreateArgs, Doc, Effect, Failure, Field, Host, HttpRequest,
    Session, Sleep, Slice, Status, StepIn, StepOut, Str, Wire, WriteResult, effect, kind, op,
};
use tokio::runtime::Builder;

use super::support::{Net, admitted, open};
use crate::plugins::{Asked, Cancel, Given, Limits, Operation, OutDoc, Plugin};

/// What a case does in its step of this number.
type Step = fn(u32, &mut StepOut) -> Status;

/// Outputs are leaked: what a test lends lives for ever.
fn lent<T: Wire>(items: Vec<T>) -> Slice<T> {
    Slice::new(items.leak())
}

fn text(text: &'static str) -> Str {
    Str::new(text)
}

fn zero<T: Wire>() -> T {
    // SAFETY: all-zero is a valid value of every type that crosses.
    unsafe { std::mem::zeroed() }
}

fn need(out: &mut StepOut, effects: Vec<Effect>) -> Status {
    out.kind = kind::NEED;
    out.effects = lent(effects);
    Status::OK
}

fn http(id: u32, change: impl FnOnce(&mut HttpRequest)) -> Effect {
    let mut request = HttpRequest {
        size: size_of::<HttpRequest>() as u32,
        method: text("GET"),
        url: text("https://acme.example/1/x"),
        ..zero()
    };
    change(&mut request);
    let payload = Box::into_raw(Box::new(request)).cast::<c_void>();
    Effect {
        id,
        kind: effect::HTTP,
        payload,
    }
}

fn sleep(id: u32, millis: u64) -> Effect {
    let sleep = Sleep {
        size: size_of::<Sleep>() as u32,
        reserved: 0,
        millis,
    };
    Effect {
        id,
        kind: effect::SLEEP,
        payload: Box::into_raw(Box::new(sleep)).cast(),
    }
}

fn doc(id: &'static str, body: &'static [u8]) -> Doc {
    Doc {
        change: 1,
        id: text(id),
        version: text("v1"),
        body: Bytes::new(body),
        ..zero()
    }
}

fn page(out: &mut StepOut, docs: Vec<Doc>) -> Status {
    out.kind = kind::PAGE;
    out.docs = lent(docs);
    Status::OK
}

fn results(out: &mut StepOut, results: Vec<WriteResult>) -> Status {
    out.kind = kind::RESULTS;
    out.results = lent(results);
    Status::OK
}

fn ends(out: &mut StepOut, kind: u32) -> Status {
    out.kind = kind;
    Status::OK
}

/// Asks for a batch first, then does the rest.
fn with_batch(step: u32, out: &mut StepOut, rest: impl FnOnce(&mut StepOut) -> Status) -> Status {
    if step == 0 {
        ends(out, kind::WANT)
    } else {
        rest(out)
    }
}

fn put(id: u32, covers: Vec<u32>) -> Effect {
    http(id, |it| {
        it.method = text("PUT");
        it.covers = lent(covers);
    })
}

const PULL: Operation = Operation::Pull;
const PUSH: Operation = Operation::Push;

/// Name, operation, what it does.
const CASES: &[(&str, Operation, Step)] = &[
    ("unknown-kind", PULL, |_, out| ends(out, 77)),
    ("no-kind", PULL, |_, _| Status::OK),
    ("unknown-status", PULL, |_, _| Status(-3)),
    ("unexplained", PULL, |_, _| Status::AUTH),
    ("want-in-pull", PULL, |_, out| ends(out, kind::WANT)),
    ("page-in-push", PUSH, |_, out| page(out, vec![])),
    ("nothing-open", PULL, |_, out| need(out, vec![])),
    ("effects-at-null", PULL, |_, out| {
        out.kind = kind::NEED;
        out.effects = Slice {
            ptr: std::ptr::null(),
            len: 2,
            stride: 16,
        };
        Status::OK
    }),
    ("too-many-effects", PULL, |_, out| {
        need(out, (0..2000).map(|id| sleep(id, 1)).collect())
    }),
    ("unknown-effect", PULL, |_, out| {
        need(
            out,
            vec![Effect {
                kind: 9,
                ..sleep(1, 1)
            }],
        )
    }),
    ("effect-without-payload", PULL, |_, out| {
        need(
            out,
            vec![Effect {
                payload: std::ptr::null(),
                ..sleep(1, 1)
            }],
        )
    }),
    ("crooked-payload", PULL, |_, out| {
        need(
            out,
            vec![Effect {
                payload: std::ptr::dangling::<u8>().cast(),
                ..sleep(1, 1)
            }],
        )
    }),
    ("same-id-twice", PULL, |_, out| {
        need(out, vec![sleep(4, 1), sleep(4, 1)])
    }),
    ("id-still-open", PULL, |step, out| match step {
        0 => need(out, vec![sleep(4, 1), sleep(5, 500)]),
        _ => need(out, vec![sleep(5, 1)]),
    }),
    ("sleeps-for-years", PULL, |_, out| {
        need(out, vec![sleep(1, u64::MAX)])
    }),
    ("url-not-utf8", PULL, |_, out| {
        need(
            out,
            vec![http(1, |it| it.url = Str(Bytes::new(b"\xff\xfe")))],
        )
    }),
    ("url-too-long", PULL, |_, out| {
        need(
            out,
            vec![http(1, |it| {
                it.url = Str(Bytes::new(vec![b'x'; 17_000].leak()))
            })],
        )
    }),
    ("wild-length", PULL, |_, out| {
        need(
            out,
            vec![http(1, |it| {
                it.body = Bytes {
                    ptr: b"x".as_ptr(),
                    len: usize::MAX,
                }
            })],
        )
    }),
    ("method-in-lower-case", PULL, |_, out| {
        need(out, vec![http(1, |it| it.method = text("get"))])
    }),
    ("too-many-headers", PULL, |_, out| {
        let field = Field {
            name: text("a"),
            value: Bytes::new(b"b"),
        };
        need(out, vec![http(1, |it| it.headers = lent(vec![field; 101]))])
    }),
    ("header-not-utf8", PULL, |_, out| {
        let field = Field {
            name: text("a"),
            value: Bytes::new(b"\xff"),
        };
        need(out, vec![http(1, |it| it.headers = lent(vec![field]))])
    }),
    ("unknown-slot", PULL, |_, out| {
        need(out, vec![http(1, |it| it.auth = text("root"))])
    }),
    ("unknown-budget", PULL, |_, out| {
        need(out, vec![http(1, |it| it.bucket = text("fast"))])
    }),
    ("writes-unannounced", PULL, |_, out| {
        need(out, vec![put(1, vec![])])
    }),
    ("covers-in-pull", PULL, |_, out| {
        need(out, vec![put(1, vec![0])])
    }),
    ("covers-before-batch", PUSH, |_, out| {
        need(out, vec![put(1, vec![0])])
    }),
    ("covers-by-reading", PUSH, |step, out| {
        with_batch(step, out, |out| {
            need(out, vec![http(1, |it| it.covers = lent(vec![0]))])
        })
    }),
    ("covers-out-of-range", PUSH, |step, out| {
        with_batch(step, out, |out| need(out, vec![put(1, vec![1, 2])]))
    }),
    ("covers-twice", PUSH, |step, out| {
        with_batch(step, out, |out| need(out, vec![put(1, vec![1, 1])]))
    }),
    ("same-document-twice", PULL, |_, out| {
        page(out, vec![doc("a", b"1"), doc("a", b"2")])
    }),
    ("empty-id", PULL, |_, out| page(out, vec![doc("", b"1")])),
    ("empty-body", PULL, |_, out| page(out, vec![doc("a", b"")])),
    ("body-not-utf8", PULL, |_, out| {
        page(out, vec![doc("a", b"\"\xff\"")])
    }),
    ("unknown-change", PULL, |_, out| {
        page(
            out,
            vec![Doc {
                change: 4,
                ..doc("a", b"1")
            }],
        )
    }),
    ("unknown-format", PULL, |_, out| {
        page(
            out,
            vec![Doc {
                format: 1,
                ..doc("a", b"1")
            }],
        )
    }),
    ("page-too-long", PULL, |_, out| {
        page(out, vec![doc("a", b"1"); 1_001])
    }),
    ("page-too-heavy", PULL, |_, out| {
        let body = vec![b'1'; 10 << 20].leak();
        page(out, vec![doc("a", body), doc("b", body)])
    }),
    ("cursor-too-long", PULL, |_, out| {
        out.cursor = Bytes::new(vec![b'1'; 64 * 1024 + 1].leak());
        page(out, vec![])
    }),
    ("results-without-batch", PUSH, |_, out| results(out, vec![])),
    ("result-missing", PUSH, |step, out| {
        with_batch(step, out, |out| results(out, vec![zero()]))
    }),
    ("result-of-unknown-status", PUSH, |step, out| {
        let wrong = WriteResult {
            status: Status(40),
            ..zero()
        };
        with_batch(step, out, |out| results(out, vec![zero(), wrong]))
    }),
    ("result-of-no-problem", PUSH, |step, out| {
        let wrong = WriteResult {
            status: Status::REJECTED,
            problem: text("{}"),
            ..zero()
        };
        with_batch(step, out, |out| results(out, vec![wrong, zero()]))
    }),
    ("wants-again", PUSH, |step, out| {
        with_batch(step, out, |out| ends(out, kind::WANT))
    }),
    ("ends-unreported", PUSH, |step, out| {
        with_batch(step, out, |out| ends(out, kind::DONE))
    }),
    ("check-without-value", Operation::Check, |_, out| {
        ends(out, kind::DONE)
    }),
    ("check-of-wrong-form", Operation::Check, |_, out| {
        out.value = text(r#"{"missing": []}"#);
        ends(out, kind::DONE)
    }),
];

struct Broken {
    step: Step,
    steps: u32,
}

unsafe extern "C" fn create(host: Host, args: *const CreateArgs, out: *mut *mut Session) -> Status {
    // SAFETY: the driver passes what the contract says.
    let (args, stream) = unsafe {
        let args = abi::read(args);
        (args, args.stream.get().unwrap())
    };
    if stream == "create-gives-nothing" {
        return Status::OK;
    }
    if stream == "create-refuses" {
        let failure = Failure {
            size: size_of::<Failure>() as u32,
            status: Status::CONFIG,
            retry_after_ms: 0,
            message: text("`region` is unknown"),
            detail: text("{\"region\":\"moon\"}"),
        };
        // SAFETY: the host's table and context are valid during this call.
        unsafe { ((*host.vtbl).fail)(host.ctx, &failure) };
        return Status::CONFIG;
    }
    // Operations without a stream find their case by the cursor.
    // SAFETY: the cursor is borrowed for this call.
    let cursor = std::str::from_utf8(unsafe { args.cursor.get() }).unwrap();
    let name = if stream.is_empty() { cursor } else { stream };
    let Some(case) = CASES.iter().find(|(it, ..)| *it == name) else {
        return Status::UNSUPPORTED;
    };
    let session = Box::new(Broken {
        step: case.2,
        steps: 0,
    });
    // SAFETY: the driver passes a place for the session.
    unsafe { out.write(Box::into_raw(session).cast()) };
    Status::OK
}

unsafe extern "C" fn step(
    session: *mut Session,
    _: Host,
    _: *const StepIn,
    out: *mut StepOut,
) -> Status {
    // SAFETY: `create` made the session, and the driver passes a zeroed output.
    let (broken, out) = unsafe { (&mut *session.cast::<Broken>(), &mut *out) };
    broken.steps += 1;
    (broken.step)(broken.steps - 1, out)
}

unsafe extern "C" fn destroy(session: *mut Session) {
    // SAFETY: `create` made the session, and this is the last call on it.
    drop(unsafe { Box::from_raw(session.cast::<Broken>()) });
}

unsafe extern "C" fn extension(_: Str) -> *const c_void {
    std::ptr::null()
}

static VTBL: ConnectorVtbl = ConnectorVtbl {
    size: size_of::<ConnectorVtbl>() as u32,
    ops: op::CHECK | op::PULL | op::PUSH,
    create,
    step,
    destroy,
    extension,
};

fn plugin() -> Plugin {
    let pulls = ["create-gives-nothing", "create-refuses"].map(|it| (it, "pull"));
    let cases = CASES
        .iter()
        .map(|(name, operation, _)| (*name, operation.name()));
    let streams = cases
        .chain(pulls)
        .filter(|(_, operation)| *operation != "check");
    let streams: serde_json::Map<_, _> = streams
        .map(|(name, op)| {
            (
                name.to_owned(),
                serde_json::json!({"title": name, "ops": [op]}),
            )
        })
        .collect();
    let manifest = serde_json::json!({
        "name": "broken", "title": "Broken", "version": "1.0.0", "streams": streams,
    });
    admitted("broken", manifest.to_string().leak(), &VTBL)
}

/// How a session of the case ends.
fn ending(plugin: &Plugin, name: &str, operation: Operation) -> String {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let net = Net::new();
        let spec = crate::plugins::SessionSpec {
            op: operation,
            connection: "books",
            stream: if operation == Operation::Check {
                ""
            } else {
                name
            },
            base_url: "https://acme.example",
            account: None,
            settings: &serde_json::Value::Null,
            cursor: if operation == Operation::Check {
                name.as_bytes()
            } else {
                b""
            },
            seed: 0,
            limits: Limits::default(),
            cancel: Cancel::default(),
        };
        let mut session = match plugin.session(spec) {
            Ok(session) => session,
            Err(error) => return format!("{}: {error}", error.status.name()),
        };
        let batch = [OutDoc::default(), OutDoc::default()];
        let mut given = Given::Nothing;
        loop {
            match session.next(given, &net).await {
                Ok(Asked::Want) => given = Given::Batch(&batch),
                Ok(other) => return format!("{other:?}"),
                Err(error) => return format!("{}: {error}", error.status.name()),
            }
        }
    })
}

#[test]
fn every_broken_rule_is_named() {
    let plugin = plugin();
    let mut told: Vec<String> = CASES
        .iter()
        .map(|(name, operation, _)| format!("{name}\n    {}", ending(&plugin, name, *operation)))
        .collect();
    for name in ["create-gives-nothing", "create-refuses"] {
        told.push(format!("{name}\n    {}", ending(&plugin, name, PULL)));
    }
    let told = told
        .join("\n")
        .replace("BUG: the connector broke the contract: ", "");
    expect![[r#"
        unknown-kind
            step kind 77 does not exist
        no-kind
            step kind 0 does not exist
        unknown-status
            it returned status -3, which does not exist
        unexplained
            AUTH: the connector gave no explanation
        want-in-pull
            batches belong to push and find, this session is pull
        page-in-push
            a page belongs to pull, this session is push
        nothing-open
            it asked for nothing while nothing is open: nothing could ever wake it
        effects-at-null
            `effects` has 2 elements at a null pointer
        too-many-effects
            `effects` has 2000 elements, allowed are 1024
        unknown-effect
            effect kind 9 does not exist
        effect-without-payload
            the payload of effect 1 is null or not aligned
        crooked-payload
            the payload of effect 1 is null or not aligned
        same-id-twice
            effect id 4 is used while it is open
        id-still-open
            effect id 5 is used while it is open
        sleeps-for-years
            effect 1 sleeps 18446744073709551615 ms, allowed is one day
        url-not-utf8
            the URL of effect 1 is not UTF-8
        url-too-long
            the URL of effect 1 has 17000 bytes, allowed are 16384
        wild-length
            the body of effect 1 has 18446744073709551615 bytes, allowed are 33554432
        method-in-lower-case
            the method of effect 1 must be upper-case letters, it is `get`
        too-many-headers
            the header list of effect 1 has 101 elements, allowed are 100
        header-not-utf8
            the header value of effect 1 is not UTF-8
        unknown-slot
            effect 1 names credential slot `root`, not in the manifest
        unknown-budget
            effect 1 names budget `fast`, not in the manifest
        writes-unannounced
            effect 1 (PUT) may write: it must name the documents that it covers, or say that it is safe to repeat
        covers-in-pull
            effect 1 covers documents outside a batch of push
        covers-before-batch
            effect 1 covers documents outside a batch of push
        covers-by-reading
            effect 1 covers documents with a method that only reads
        covers-out-of-range
            effect 1 covers document 2 of a batch of 2 documents
        covers-twice
            effect 1 covers document 1 twice
        same-document-twice
            document `a` is twice in one page
        empty-id
            a document of the page has an empty id
        empty-body
            the body of document `a` is empty, and it is not deleted
        body-not-utf8
            the body of document `a` is not UTF-8
        unknown-change
            the change of document `a` is 4, pull knows 1 to 3
        unknown-format
            the format of document `a` is 1, pull knows 0
        page-too-long
            the page has 1001 elements, allowed are 1000
        page-too-heavy
            the page has more than 16777216 bytes of documents
        cursor-too-long
            the cursor has 65537 bytes, allowed are 65536
        results-without-batch
            it reported results without a batch
        result-missing
            it reported 1 results for a batch of 2 documents
        result-of-unknown-status
            the status of result 1 is 40, which does not exist
        result-of-no-problem
            the problem of result 0 is not a category, field, cause and remedy: missing field `category` at line 1 column 2
        wants-again
            it asked for a batch before reporting on the last one of 2 documents
        ends-unreported
            it ended without reporting on a batch of 2 documents
        check-without-value
            the value of check has the wrong form: EOF while parsing a value at line 1 column 0
        check-of-wrong-form
            the value of check has the wrong form: missing field `account` at line 1 column 15
        create-gives-nothing
            `create` returned OK and no session
        create-refuses
            CONFIG: `region` is unknown"#]].assert_eq(&told);
    // All but "unexplained" and "create-refuses", which end with another status.
    assert_eq!(plugin.counts().bugs as usize, CASES.len() + 2 - 2);
}

#[test]
fn details_of_a_failure_are_kept() {
    let plugin = plugin();
    let refused = open(
        &plugin,
        PULL,
        "create-refuses",
        Limits::default(),
        Cancel::default(),
    )
    .unwrap_err();
    assert_eq!(refused.status, Status::CONFIG);
    assert_eq!(refused.detail.as_deref(), Some("{\"region\":\"moon\"}"));
    assert_eq!(refused.retry_after, None);
}
