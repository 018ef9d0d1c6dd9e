//! Looks into a library's ELF headers before it is opened: opening runs its constructors, so what can
//! be refused is refused here.

use object::{
    Endianness, Object, ObjectSymbol,
    elf::{self, FileHeader64},
    read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader},
};

use super::trace::{Broken, LoadError, Trace};

/// The one symbol that a connector exports.
pub(super) const ENTRY: &str = "ledgerline_connector";

/// What a library's headers say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Symbols {
    /// Names that it offers.
    pub exports: Vec<String>,
    /// Names that it takes from other libraries.
    pub imports: Vec<String>,
    /// It needs thread-local storage that must be there when the process starts.
    pub static_tls: bool,
}

impl Symbols {
    /// Imports that a connector, which asks the engine for everything, has no use for. The standard
    /// library of some languages brings a few of them along.
    pub fn suspicious(&self) -> Vec<&str> {
        let list = [
            "socket",
            "connect",
            "getaddrinfo",
            "pthread_create",
            "fork",
            "execve",
            "system",
        ];
        let plain = |it: &String| it.split('@').next().unwrap_or_default().to_owned();
        list.into_iter()
            .filter(|it| self.imports.iter().any(|name| plain(name) == *it))
            .collect()
    }
}

/// Reads the headers and refuses what cannot work.
pub(super) fn examine(bytes: &[u8], trace: &mut Trace) -> Result<Symbols, LoadError> {
    let what = "look into its ELF headers";
    let symbols = match symbols(bytes) {
        Ok(symbols) => symbols,
        Err(why) => {
            let broken = Broken::new(
                format!(
                    "the library must be a shared ELF library for {}",
                    std::env::consts::ARCH
                ),
                "install the plugin's build for this machine",
            );
            return Err(trace.refuse(what, why, broken));
        }
    };
    if !symbols.exports.iter().any(|it| it == ENTRY) {
        let broken = Broken::new(
            format!("the library must export `{ENTRY}`"),
            "this is not a connector, or it was built without `export_connector!`",
        );
        return Err(trace.refuse(what, "it does not export it", broken));
    }
    if symbols.static_tls {
        let broken = Broken::new(
            "the library must not need static thread-local storage (DF_STATIC_TLS)",
            "build it without an allocator or a C library that uses the initial-exec TLS model",
        );
        return Err(trace.refuse(what, "it has the flag STATIC_TLS", broken));
    }
    trace.done(
        what,
        format!("{}, exports `{ENTRY}`", std::env::consts::ARCH),
    );
    Ok(symbols)
}

fn symbols(bytes: &[u8]) -> Result<Symbols, String> {
    let said = |err: object::Error| err.to_string();
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(said)?;
    let (header, endian): (&FileHeader64<Endianness>, _) = (file.elf_header(), file.endian());
    let machine = match std::env::consts::ARCH {
        "x86_64" => elf::EM_X86_64,
        "aarch64" => elf::EM_AARCH64,
        other => return Err(format!("plugins are not supported on {other}")),
    };
    if header.e_machine(endian) != machine {
        return Err(format!(
            "it is for another machine (ELF number {})",
            header.e_machine(endian)
        ));
    }
    if header.e_type(endian) != elf::ET_DYN {
        return Err("it is not a shared library".to_owned());
    }
    let mut found = Symbols::default();
    for symbol in file.dynamic_symbols() {
        let Ok(name) = symbol.name() else { continue };
        if symbol.is_undefined() {
            found.imports.push(name.to_owned());
        } else if symbol.is_global() {
            found.exports.push(name.to_owned());
        }
    }
    found.imports.retain(|it| !it.is_empty());
    for segment in header.program_headers(endian, bytes).map_err(said)? {
        for entry in segment
            .dynamic(endian, bytes)
            .map_err(said)?
            .unwrap_or_default()
        {
            let flags = entry.d_tag(endian) == u64::from(elf::DT_FLAGS);
            let value = entry.d_val(endian);
            found.static_tls |= flags && value & u64::from(elf::DF_STATIC_TLS) != 0;
        }
    }
    Ok(found)
}
