//! Structs and arrays of other lengths than this side knows, in both directions.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use crate::probe::{PROBE, needed, opened, pull, step};
use ledgerline_plugin_api::abi::*;
use ledgerline_plugin_api::testkit::Step;

/// A completion as a newer engine might know it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Longer {
    completion: Completion,
    new_field: [u64; 3],
}

fn completion(id: u32) -> Completion {
    Completion {
        id,
        status: Status::OK,
        http_status: 200,
        reserved: 0,
        headers: Slice::EMPTY,
        body: Bytes::new(b"[1,2,3]"),
        message: Str::EMPTY,
    }
}

#[test]
fn array_elements_may_be_longer_or_shorter() {
    let whole = size_of::<Completion>() as u32;
    for (what, stride) in [
        ("as this side knows them", whole),
        ("longer, from a newer engine", size_of::<Longer>() as u32),
        ("without `message`, from an older engine", whole - 16),
    ] {
        let mut session = pull("pages");
        let ids = needed(step(&mut session));
        let element = Longer {
            completion: completion(ids[0]),
            new_field: [7; 3],
        };
        let ptr = (&raw const element).cast::<Completion>();
        let input = StepIn {
            size: size_of::<StepIn>() as u32,
            flags: 0,
            now_ms: 0,
            completions: Slice {
                ptr,
                len: 1,
                stride,
            },
            batch: Slice::EMPTY,
        };
        let Ok(Step::Page { docs, .. }) = session.step_raw(&input) else {
            panic!("{what}")
        };
        assert_eq!(docs.len(), 3, "{what}");
    }
}

#[test]
fn inputs_may_be_shorter() {
    // An engine from before batches: the struct ends where `batch` begins.
    let mut session = pull("pages");
    let ids = needed(step(&mut session));
    let completions = [completion(ids[0])];
    let input = StepIn {
        size: std::mem::offset_of!(StepIn, batch) as u32,
        flags: 0,
        now_ms: 0,
        completions: Slice::new(&completions),
        // Must not be looked at.
        batch: Slice {
            ptr: std::ptr::dangling(),
            len: 5,
            stride: size_of::<Doc>() as u32,
        },
    };
    assert!(matches!(session.step_raw(&input), Ok(Step::Page { .. })));
}

unsafe extern "C" fn log(_: *mut c_void, _: *const LogRecord) {}
unsafe extern "C" fn fail(_: *mut c_void, _: *const Failure) {}
unsafe extern "C" fn cancelled(_: *mut c_void) -> u32 {
    0
}
unsafe extern "C" fn extension(_: *mut c_void, _: Str) -> *const c_void {
    std::ptr::null()
}

static HOST: HostVtbl = HostVtbl {
    size: size_of::<HostVtbl>() as u32,
    abi_minor: 0,
    max_level: 0,
    reserved: 0,
    log,
    fail,
    cancelled,
    extension,
};

#[test]
fn nothing_is_written_past_a_shorter_output() {
    let host = Host {
        vtbl: &HOST,
        ctx: std::ptr::null_mut(),
    };
    let opened = opened(op::PULL, "pages");
    let args = CreateArgs {
        size: size_of::<CreateArgs>() as u32,
        op: op::PULL,
        config: Str::new(&opened.config),
        stream: Str::new("pages"),
        cursor: Bytes::EMPTY,
        seed: 0,
        max_page_docs: 0,
        max_page_bytes: 0,
        max_open_effects: 0,
        reserved: 0,
    };
    let input = StepIn {
        size: size_of::<StepIn>() as u32,
        flags: 0,
        now_ms: 0,
        completions: Slice::EMPTY,
        batch: Slice::EMPTY,
    };
    let known = 24;
    let mut out = MaybeUninit::<StepOut>::uninit();
    let bytes = out.as_mut_ptr().cast::<u8>();
    let mut session = std::ptr::null_mut();
    // SAFETY: all pointers are valid for their calls, and `out` says how long it is.
    unsafe {
        let vtbl = *PROBE.vtbl;
        assert_eq!((vtbl.create)(host, &args, &mut session), Status::OK);
        bytes.write_bytes(0xAA, size_of::<StepOut>());
        out.as_mut_ptr().cast::<u32>().write(known);
        assert_eq!(
            (vtbl.step)(session, host, &input, out.as_mut_ptr()),
            Status::OK
        );
        let written = std::slice::from_raw_parts(bytes, size_of::<StepOut>());
        assert_eq!(written[..4], known.to_ne_bytes());
        assert_eq!(written[4..8], kind::NEED.to_ne_bytes());
        assert!(written[known as usize..].iter().all(|byte| *byte == 0xAA));
        (vtbl.destroy)(session);
    }
}

#[test]
fn null_pointers_are_told_and_not_followed() {
    let host = Host {
        vtbl: &HOST,
        ctx: std::ptr::null_mut(),
    };
    // SAFETY: the shim looks at every pointer before it follows it.
    unsafe {
        let vtbl = *PROBE.vtbl;
        let mut session = std::ptr::null_mut();
        assert_eq!(
            (vtbl.create)(host, std::ptr::null(), &mut session),
            Status::BUG
        );
        let none = std::ptr::null_mut();
        assert_eq!(
            (vtbl.step)(none, host, std::ptr::null(), std::ptr::null_mut()),
            Status::BUG
        );
        let nobody = Host {
            vtbl: std::ptr::null(),
            ctx: std::ptr::null_mut(),
        };
        assert_eq!(
            (vtbl.create)(nobody, std::ptr::null(), &mut session),
            Status::BUG
        );
        (vtbl.destroy)(none);
        assert!((vtbl.extension)(Str::new("ledgerline.blob/1")).is_null());
    }
}
