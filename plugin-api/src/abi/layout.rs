//! The layout on 64-bit targets, asserted while compiling. A change here is a change of major
//! version; `abi.lock` shows every field.

#[cfg(target_pointer_width = "64")]
const _: () = {
    use super::*;
    use core::mem::offset_of;

    assert!(size_of::<Bytes>() == 16 && size_of::<Str>() == 16 && size_of::<Slice<u32>>() == 16);
    assert!(offset_of!(Slice<u32>, len) == 8 && offset_of!(Slice<u32>, stride) == 12);
    assert!(size_of::<Header>() == 24 && offset_of!(Header, abi_min_minor) == 12);
    assert!(size_of::<Connector>() == 96 && offset_of!(Connector, header) == 0);
    assert!(offset_of!(Connector, name) == 24 && offset_of!(Connector, vtbl) == 88);
    assert!(size_of::<ConnectorVtbl>() == 40 && offset_of!(ConnectorVtbl, create) == 8);
    assert!(offset_of!(ConnectorVtbl, extension) == 32);
    assert!(size_of::<Host>() == 16);
    assert!(size_of::<HostVtbl>() == 48 && offset_of!(HostVtbl, log) == 16);
    assert!(size_of::<LogRecord>() == 80 && size_of::<Failure>() == 48);
    assert!(size_of::<CreateArgs>() == 80 && offset_of!(CreateArgs, seed) == 56);
    assert!(size_of::<StepIn>() == 48 && offset_of!(StepIn, batch) == 32);
    assert!(size_of::<StepOut>() == 88 && offset_of!(StepOut, value) == 72);
    assert!(size_of::<Effect>() == 16 && size_of::<Sleep>() == 16 && size_of::<Field>() == 32);
    assert!(size_of::<HttpRequest>() == 128 && offset_of!(HttpRequest, covers) == 112);
    assert!(size_of::<Completion>() == 64 && offset_of!(Completion, message) == 48);
    assert!(size_of::<Doc>() == 88 && offset_of!(Doc, remote_id) == 72);
    assert!(size_of::<WriteResult>() == 96 && offset_of!(WriteResult, problem) == 80);
};
