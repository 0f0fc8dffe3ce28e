//! What keeps a worker process to itself, as it says on the page that it shares with its host: one bit a layer.

/// The layers that the kernel has granted to a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confinement(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// It has got as far as to ask for the others.
    Asked,
    /// Another user than root, who owns nothing.
    User,
    /// An empty folder, which is gone, for its root.
    Root,
    /// Landlock's rules, which leave it no file.
    Files,
    /// No program can give it rights.
    Privileges,
    /// The kernel's filter, which leaves it only the system calls that a worker needs.
    Calls,
}

impl Layer {
    /// All but `Asked`, by the names that people know.
    pub const NAMED: [(Layer, &str); 5] = [
        (Layer::User, "user"),
        (Layer::Root, "chroot"),
        (Layer::Files, "landlock"),
        (Layer::Privileges, "no-new-privileges"),
        (Layer::Calls, "seccomp"),
    ];
}

impl Confinement {
    pub fn of_bits(bits: u64) -> Confinement {
        Confinement(bits)
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    #[must_use]
    pub fn with(self, layer: Layer) -> Confinement {
        Confinement(self.0 | (1 << layer as u64))
    }

    pub fn has(self, layer: Layer) -> bool {
        self.0 & (1 << layer as u64) != 0
    }

    /// Whether a script that has taken its worker over has no file, no socket, no program and no other process. That it
    /// may still be root's user, or see an empty folder less, gives it none of these.
    pub fn holds(self) -> bool {
        self.has(Layer::Calls) && self.has(Layer::Privileges)
    }

    pub fn names(self) -> Vec<&'static str> {
        Layer::NAMED.into_iter().filter(|(layer, _)| self.has(*layer)).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_bits() {
        let some = Confinement::default().with(Layer::Asked).with(Layer::Files).with(Layer::Calls);
        assert_eq!(Confinement::of_bits(some.bits()), some);
        assert_eq!(some.names(), ["landlock", "seccomp"]);
        assert!(!some.holds() && some.with(Layer::Privileges).holds());
    }
}
