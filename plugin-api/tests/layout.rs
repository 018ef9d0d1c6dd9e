//! The layout of the contract, as a dump (`abi.lock`) and as a C header (`ledgerline.h`), both made
//! from the table below. A difference is a change of the contract: if that is meant, run
//! `UPDATE_EXPECT=1 cargo test -p ledgerline-plugin-api --test layout` and look at what changed.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use std::fmt::Write;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::Command;

use expect_test::expect_file;
use ledgerline_plugin_api::abi::*;

struct Struct {
    name: &'static str,
    size: usize,
    align: usize,
    fields: Vec<Field_>,
}

struct Field_ {
    name: &'static str,
    kind: &'static str,
    offset: usize,
}

/// Lists structs with all their fields. A field that is missing here, or of another type, does not
/// compile.
macro_rules! structs {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        vec![$({
            #[allow(dead_code)]
            fn complete(it: $name) {
                let $name { $($field),* } = it;
                $(let _: $kind = $field;)*
            }
            Struct {
                name: stringify!($name),
                size: size_of::<$name>(),
                align: align_of::<$name>(),
                fields: vec![$(Field_ {
                    name: stringify!($field),
                    kind: stringify!($kind),
                    offset: offset_of!($name, $field),
                }),*],
            }
        }),*]
    };
}

type Void = *const std::ffi::c_void;
type VoidMut = *mut std::ffi::c_void;
type Create = unsafe extern "C" fn(Host, *const CreateArgs, *mut *mut Session) -> Status;
type StepFn = unsafe extern "C" fn(*mut Session, Host, *const StepIn, *mut StepOut) -> Status;
type Destroy = unsafe extern "C" fn(*mut Session);
type Extension = unsafe extern "C" fn(Str) -> Void;
type Log = unsafe extern "C" fn(VoidMut, *const LogRecord);
type Fail = unsafe extern "C" fn(VoidMut, *const Failure);
type Cancelled = unsafe extern "C" fn(VoidMut) -> u32;
type HostExtension = unsafe extern "C" fn(VoidMut, Str) -> Void;
type ConnectorTable = *const ConnectorVtbl;
type HostTable = *const HostVtbl;
type Bytep = *const u8;

/// In an order in which each only needs those before it.
fn structs() -> Vec<Struct> {
    structs! {
        Bytes { ptr: Bytep, len: usize }
        Header {
            magic: u64, abi_major: u16, abi_minor: u16, abi_min_minor: u16, reserved: u16,
            size: u32, flags: u32,
        }
        LogRecord {
            size: u32, level: u32, target: Str, message: Str, fields: Str, file: Str, line: u32,
            reserved: u32,
        }
        Failure { size: u32, status: Status, retry_after_ms: u64, message: Str, detail: Str }
        HostVtbl {
            size: u32, abi_minor: u32, max_level: u32, reserved: u32, log: Log, fail: Fail,
            cancelled: Cancelled, extension: HostExtension,
        }
        Host { vtbl: HostTable, ctx: VoidMut }
        CreateArgs {
            size: u32, op: u32, config: Str, stream: Str, cursor: Bytes, seed: u64,
            max_page_docs: u32, max_page_bytes: u32, max_open_effects: u32, reserved: u32,
        }
        Field { name: Str, value: Bytes }
        HttpRequest {
            size: u32, flags: u32, method: Str, url: Str, headers: Slice<Field>, body: Bytes,
            auth: Str, bucket: Str, timeout_ms: u32, max_body_bytes: u32, covers: Slice<u32>,
        }
        Sleep { size: u32, reserved: u32, millis: u64 }
        Effect { id: u32, kind: u32, payload: Void }
        Completion {
            id: u32, status: Status, http_status: u32, reserved: u32, headers: Slice<Field>,
            body: Bytes, message: Str,
        }
        Doc {
            change: u32, format: u32, id: Str, version: Str, body: Bytes, number: Str,
            remote_id: Str,
        }
        WriteResult {
            status: Status, flags: u32, retry_after_ms: u64, remote_id: Str, version: Str,
            message: Str, body: Bytes, problem: Str,
        }
        StepIn {
            size: u32, flags: u32, now_ms: i64, completions: Slice<Completion>, batch: Slice<Doc>,
        }
        StepOut {
            size: u32, kind: u32, effects: Slice<Effect>, docs: Slice<Doc>, cursor: Bytes,
            results: Slice<WriteResult>, value: Str,
        }
        ConnectorVtbl {
            size: u32, ops: u32, create: Create, step: StepFn, destroy: Destroy,
            extension: Extension,
        }
        Connector {
            header: Header, name: Str, version: Str, built_with: Str, manifest: Str,
            vtbl: ConnectorTable,
        }
    }
}

fn constants() -> Vec<(String, u64)> {
    let mut list = vec![
        ("MAGIC".to_owned(), MAGIC),
        ("ABI_MAJOR".to_owned(), u64::from(ABI_MAJOR)),
        ("ABI_MINOR".to_owned(), u64::from(ABI_MINOR)),
        ("MAX_CURSOR_BYTES".to_owned(), MAX_CURSOR_BYTES as u64),
    ];
    for (name, status) in Status::ALL {
        list.push((format!("STATUS_{name}"), u64::from(status.0.unsigned_abs())));
    }
    let rest = [
        ("OP_CHECK", op::CHECK),
        ("OP_DISCOVER", op::DISCOVER),
        ("OP_PULL", op::PULL),
        ("OP_PUSH", op::PUSH),
        ("OP_FIND", op::FIND),
        ("KIND_NEED", kind::NEED),
        ("KIND_PAGE", kind::PAGE),
        ("KIND_RESULTS", kind::RESULTS),
        ("KIND_WANT", kind::WANT),
        ("KIND_DONE", kind::DONE),
        ("EFFECT_HTTP", effect::HTTP),
        ("EFFECT_SLEEP", effect::SLEEP),
        ("LEVEL_ERROR", level::ERROR),
        ("LEVEL_WARN", level::WARN),
        ("LEVEL_INFO", level::INFO),
        ("LEVEL_DEBUG", level::DEBUG),
        ("LEVEL_TRACE", level::TRACE),
    ];
    list.extend(rest.map(|(name, value)| (name.to_owned(), u64::from(value))));
    list
}

fn lock() -> String {
    let mut text = String::from(
        "# Layout of the connector ABI on 64-bit targets. Made by tests/layout.rs.\n\n",
    );
    for (name, value) in constants() {
        writeln!(text, "{name} = {value:#x}").unwrap();
    }
    for it in structs() {
        writeln!(text, "\n{} size {} align {}", it.name, it.size, it.align).unwrap();
        for field in it.fields {
            writeln!(text, "  {:>3} {}: {}", field.offset, field.name, field.kind).unwrap();
        }
    }
    text
}

fn snake(name: &str) -> String {
    let mut out = String::from("ll_");
    for (at, it) in name.char_indices() {
        if it.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(it.to_ascii_lowercase());
    }
    out
}

/// A field's declaration in C.
fn c_field(name: &str, kind: &str) -> String {
    let named = |kind: &str| format!("{kind} {name}");
    match kind {
        "u16" => named("uint16_t"),
        "u32" => named("uint32_t"),
        "u64" => named("uint64_t"),
        "i64" => named("int64_t"),
        "usize" => named("size_t"),
        "Status" => named("int32_t"),
        "Str" => named("ll_bytes"),
        "Bytep" => named("const uint8_t *"),
        "Void" => named("const void *"),
        "VoidMut" => named("void *"),
        "HostTable" => named("const ll_host_vtbl *"),
        "ConnectorTable" => named("const ll_connector_vtbl *"),
        "Create" => format!("int32_t (*{name})(ll_host, const ll_create_args *, ll_session **)"),
        "StepFn" => {
            format!("int32_t (*{name})(ll_session *, ll_host, const ll_step_in *, ll_step_out *)")
        }
        "Destroy" => format!("void (*{name})(ll_session *)"),
        "Extension" => format!("const void *(*{name})(ll_bytes)"),
        "Log" => format!("void (*{name})(void *, const ll_log_record *)"),
        "Fail" => format!("void (*{name})(void *, const ll_failure *)"),
        "Cancelled" => format!("uint32_t (*{name})(void *)"),
        "HostExtension" => format!("const void *(*{name})(void *, ll_bytes)"),
        slice if slice.starts_with("Slice<") => named("ll_slice"),
        other => named(&snake(other)),
    }
}

fn header() -> String {
    let mut text = String::from(
        "/* The connector ABI as a C author sees it. Made by tests/layout.rs from the Rust definitions,\n   \
         where every field is explained. A library exports one symbol:\n\n       \
         const ll_connector ledgerline_connector = { ... };\n*/\n\
         #ifndef LEDGERLINE_H\n#define LEDGERLINE_H\n\n\
         #include <stddef.h>\n#include <stdint.h>\n\n",
    );
    for (name, value) in constants() {
        let literal = match value > u64::from(u32::MAX) {
            true => format!("UINT64_C({value:#x})"),
            false => value.to_string(),
        };
        writeln!(text, "#define LL_{name} {literal}").unwrap();
    }
    text.push_str(
        "\n/* Text of a string literal. */\n\
         #define LL_STR(s) { (const uint8_t *)(s), sizeof(s) - 1 }\n\n\
         typedef struct ll_session ll_session;\n\
         /* An array whose elements are `stride` bytes apart. */\n\
         typedef struct { const void *ptr; uint32_t len, stride; } ll_slice;\n",
    );
    for it in structs() {
        let name = snake(it.name);
        writeln!(text, "\ntypedef struct {{").unwrap();
        for field in &it.fields {
            let declared = c_field(field.name, field.kind).replace("* ", "*");
            writeln!(text, "    {declared};").unwrap();
        }
        writeln!(text, "}} {name};").unwrap();
    }
    text.push_str("\n#if UINTPTR_MAX > 0xffffffffu\n");
    for it in structs() {
        let name = snake(it.name);
        writeln!(
            text,
            "_Static_assert(sizeof({name}) == {}, \"layout of {name}\");",
            it.size
        )
        .unwrap();
        for field in &it.fields {
            writeln!(
                text,
                "_Static_assert(offsetof({name}, {f}) == {}, \"{name}.{f}\");",
                field.offset,
                f = field.name
            )
            .unwrap();
        }
    }
    text.push_str("#endif\n\n#endif\n");
    text
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_layout_is_the_one_checked_in() {
    expect_file!["../abi.lock"].assert_eq(&lock());
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_c_header_is_the_one_checked_in() {
    expect_file!["../ledgerline.h"].assert_eq(&header());
}

#[test]
fn the_c_header_agrees_with_a_c_compiler() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("header.c");
    std::fs::write(
        &source,
        "#include \"ledgerline.h\"\nint main(void) { return 0; }\n",
    )
    .unwrap();
    let Ok(output) = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsyntax-only",
            "-I",
        ])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")))
        .arg(&source)
        .output()
    else {
        eprintln!("SKIPPED: there is no `cc` to compile ledgerline.h with");
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
