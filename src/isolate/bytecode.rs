//! A processor's source modules, and what they are compiled to.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// An author's modules by name; the names are what stack frames show.
#[derive(Clone, Debug)]
pub struct Sources {
    pub entry: String,
    pub modules: BTreeMap<String, String>,
}

impl Sources {
    /// Of one module.
    pub fn script(name: &str, text: &str) -> Sources {
        Sources { entry: name.into(), modules: BTreeMap::from([(name.into(), text.into())]) }
    }

    /// SHA-256 over the entry's name and all modules, in hexadecimal: a processor's version.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        field(&self.entry);
        for (name, text) in &self.modules {
            field(name);
            field(text);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Compiled modules. Only the compile worker makes these: bytecode from elsewhere could do anything.
#[derive(Debug)]
pub struct Bytecode {
    pub(super) digest: String,
    pub(super) entry: String,
    pub(super) modules: Vec<CompiledModule>,
}

#[derive(Clone, Debug)]
pub(super) struct CompiledModule {
    pub name: String,
    pub code: Vec<u8>,
}

impl Bytecode {
    /// The digest of the sources: the processor's version.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn bytes(&self) -> usize {
        self.modules.iter().map(|module| module.name.len() + module.code.len()).sum()
    }
}
