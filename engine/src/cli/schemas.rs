//! `schemas`: the JSON Schemas of all configuration files, for editors.

use std::path::{Path, PathBuf};

use crate::{
    cli::{args::Common, open::Failure, out::Out},
    config,
};

pub(super) fn write(common: &Common, out: &Out, folder: Option<PathBuf>) -> Result<u8, Failure> {
    let folder = folder.unwrap_or_else(|| {
        let config = &common.config;
        let folder = match config.is_file() {
            true => config.parent().unwrap_or(Path::new("")),
            false => config,
        };
        folder.join("schemas")
    });
    let files = write_into(&folder)?;
    out.line(format!("{files} schemas written to {}", folder.display()));
    Ok(0)
}

/// Writes all of them; gives their number.
pub(super) fn write_into(folder: &Path) -> Result<usize, Failure> {
    let told =
        |path: &Path, why: std::io::Error| Failure::refused(format!("{}: {why}", path.display()));
    std::fs::create_dir_all(folder).map_err(|why| told(folder, why))?;
    let schemas = config::schemas();
    for schema in &schemas {
        let path = folder.join(&schema.name);
        std::fs::write(&path, &schema.text).map_err(|why| told(&path, why))?;
    }
    Ok(schemas.len())
}
