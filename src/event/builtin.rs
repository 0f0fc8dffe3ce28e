//! The payloads of the built-in event types (contract §3): strict, each with its own rule.

mod lifecycle;
mod schedule;
mod source;
mod subscription;
mod transformer;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{EventType, HostRule, Json, Kind, Slug, StreamPath, words};
use crate::limits;

pub use lifecycle::{
    FailureReason, Frame, Phase, ProcessorActivated, ProcessorFailed, ProcessorLogged, ProcessorRemoved,
    ProcessorSuspended, ScriptError,
};
pub use schedule::{ScheduleCancelled, ScheduleFired, ScheduleOutcome, Scheduled, read_schedule};
pub use source::{
    BundleWarning, ProcessorCompileFailed, ProcessorSourceConfigured, ProcessorTypeErrorsFound, Typecheck,
};
pub use subscription::{
    SecretReference, StartFrom, SubscriptionConfigured, SubscriptionDeliveryFailed,
    SubscriptionDeliveryRecovered, SubscriptionRemoved, Transport, is_bookkeeping,
};
pub use transformer::{TransformerConfigured, TransformerRemoved};

/// Whether `payload` is right for `event_type`, and whether a caller may append that type at all.
pub fn check(event_type: &EventType, payload: &Json) -> Result<(), String> {
    let Some(kind) = event_type.kind() else {
        if event_type.is_reserved() {
            return Err(format!(
                "`type` {:?} is reserved for built-in events, and this server has none of that name",
                event_type.as_str()
            ));
        }
        return Ok(());
    };
    let checked = match kind {
        Kind::Created => {
            return Err(
                "`type` stream/created is appended by the server only, as a stream's first event".into()
            );
        }
        Kind::ChildCreated => {
            strict::<ChildCreated>(payload).and_then(|child| StreamPath::parse(&child.child_path).map(drop))
        }
        Kind::MetadataUpdated => strict::<MetadataUpdated>(payload).and_then(|updated| updated.check()),
        Kind::ErrorOccurred => strict::<ErrorOccurred>(payload).and_then(|error| error.check()),
        Kind::InvalidEventAppended => strict::<InvalidEventAppended>(payload).map(drop),
        Kind::Paused | Kind::Resumed => strict::<Reason>(payload).map(drop),
        Kind::CircuitBreakerConfigured => {
            strict::<CircuitBreakerConfigured>(payload).and_then(|config| config.check())
        }
        Kind::ProcessorConfigured => {
            strict::<ProcessorConfigured>(payload).and_then(|configured| configured.check(event_type))
        }
        Kind::ProcessorSourceConfigured => {
            strict::<ProcessorSourceConfigured>(payload).and_then(|source| source.check())
        }
        Kind::ProcessorCompileFailed => strict::<ProcessorCompileFailed>(payload).map(drop),
        Kind::ProcessorTypeErrorsFound => strict::<ProcessorTypeErrorsFound>(payload).map(drop),
        Kind::ProcessorActivated => strict::<ProcessorActivated>(payload).map(drop),
        Kind::ProcessorFailed => strict::<ProcessorFailed>(payload).map(drop),
        Kind::ProcessorSuspended => strict::<ProcessorSuspended>(payload).map(drop),
        Kind::ProcessorRemoved => strict::<ProcessorRemoved>(payload).map(drop),
        Kind::ProcessorLogged => strict::<ProcessorLogged>(payload).map(drop),
        Kind::SubscriptionConfigured => {
            strict::<SubscriptionConfigured>(payload).and_then(|configured| configured.check())
        }
        Kind::SubscriptionRemoved => strict::<SubscriptionRemoved>(payload).map(drop),
        Kind::SubscriptionDeliveryFailed => strict::<SubscriptionDeliveryFailed>(payload).map(drop),
        Kind::SubscriptionDeliveryRecovered => strict::<SubscriptionDeliveryRecovered>(payload).map(drop),
        Kind::EnvVarSet => strict::<EnvVarSet>(payload).and_then(|env| env.check()),
        Kind::RendererConfigured => strict::<RendererConfigured>(payload).map(drop),
        Kind::ScheduleConfigured => Scheduled::of(event_type, payload).map(drop),
        Kind::ScheduleCancelled => strict::<ScheduleCancelled>(payload).map(drop),
        Kind::ScheduleFired => strict::<ScheduleFired>(payload).map(drop),
        Kind::TransformerConfigured => strict::<TransformerConfigured>(payload).map(drop),
        Kind::TransformerRemoved => strict::<TransformerRemoved>(payload).map(drop),
    };
    checked.map_err(|error| format!("payload of {}: {error}", event_type.as_str()))
}

fn strict<T: DeserializeOwned>(payload: &Json) -> Result<T, String> {
    strict_at(payload.as_str(), "")
}

/// As `strict`, of what stands in a field of the payload.
fn strict_at<T: DeserializeOwned>(part: &str, place: &str) -> Result<T, String> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(part)).map_err(|error| {
        let names = [place.to_string(), error.path().to_string()];
        let names = names.into_iter().filter(|name| !matches!(name.as_str(), "" | "."));
        let field = names.collect::<Vec<_>>().join(".");
        words::of_json(&error.into_inner(), Some(field.as_str()).filter(|field| !field.is_empty()))
    })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Created {
    pub path: String,
    pub project: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChildCreated {
    pub child_path: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataUpdated {
    pub metadata: Box<RawValue>,
}

impl MetadataUpdated {
    fn check(&self) -> Result<(), String> {
        if !self.metadata.get().starts_with('{') {
            return Err("`metadata` must be a JSON object".into());
        }
        let read = serde_json::from_str::<serde_json::Value>(self.metadata.get());
        read.map(drop).map_err(|error| words::of_json(&error, Some("metadata")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorOccurred {
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}

impl ErrorOccurred {
    fn check(&self) -> Result<(), String> {
        if self.message.trim().is_empty() { Err("`message` must not be empty".into()) } else { Ok(()) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorDetail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "the fields are there to be checked")]
struct InvalidEventAppended {
    raw_input: IgnoredAny,
    error: String,
}

/// Of `stream/paused` and `stream/resumed`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreakerConfigured {
    pub burst_capacity: u64,
    pub refill_rate_per_minute: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<u32>,
}

impl CircuitBreakerConfigured {
    fn check(&self) -> Result<(), String> {
        if self.burst_capacity == 0 || self.refill_rate_per_minute == 0 || self.max_depth == Some(0) {
            return Err("`burstCapacity`, `refillRatePerMinute` and `maxDepth` must be positive".into());
        }
        let max = limits::BREAKER_SETTING_MAX;
        if self.burst_capacity > max || self.refill_rate_per_minute > max {
            return Err(format!(
                "`burstCapacity` and `refillRatePerMinute` may be {max} at most, which no stream reaches"
            ));
        }
        Ok(())
    }
}

/// A processor that is ready to run. `script` is one module; `modules` are several by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorConfigured {
    pub slug: Slug,
    pub script: Option<String>,
    pub modules: Option<BTreeMap<String, String>>,
    pub source_map: Option<Json>,
    #[serde(default)]
    pub include_children: bool,
    #[serde(default)]
    pub redeliver_failed: bool,
    #[serde(default)]
    pub limits: ProcessorLimits,
    pub egress: Option<Egress>,
    pub bundle: Option<BundleRecord>,
    // What the original's configuration carries beside these, for its own platform.
    compatibility_date: Option<IgnoredAny>,
    compatibility_flags: Option<IgnoredAny>,
    outbound_gateway: Option<IgnoredAny>,
}

/// What the module of a `script` is called.
pub const SCRIPT_MODULE: &str = "processor.js";
/// The entry of `modules`, by the first of these names that is there; the first is the original's.
const ENTRY_MODULES: [&str; 6] =
    ["processor.ts", "processor.js", "processor.mjs", "index.ts", "index.js", "index.mjs"];

impl ProcessorConfigured {
    fn check(&self, event_type: &EventType) -> Result<(), String> {
        match (&self.script, &self.modules) {
            (None, None) => return Err("provide either `script` or `modules`".into()),
            (Some(_), Some(_)) => return Err("provide either `script` or `modules`, not both".into()),
            (Some(script), None) if script.trim().is_empty() => {
                return Err("`script` must not be empty".into());
            }
            _ => {}
        }
        if let Some(modules) = &self.modules {
            if modules.len() > limits::MODULES_MAX {
                return Err(format!("`modules` may have {} entries", limits::MODULES_MAX));
            }
            if self.entry().is_none() {
                return Err(format!("`modules` must contain an entry, one of {}", ENTRY_MODULES.join(", ")));
            }
            if let Some(name) = modules.keys().find(|name| !is_module_name(name)) {
                return Err(format!(
                    "`modules` has the name {name:?}: names are relative paths such as lib/parse.js"
                ));
            }
        }
        let original = event_type.as_str() != Kind::ProcessorConfigured.name();
        if !original
            && (self.compatibility_date.is_some()
                || self.compatibility_flags.is_some()
                || self.outbound_gateway.is_some())
        {
            return Err("`compatibilityDate`, `compatibilityFlags` and `outboundGateway` belong to the original's event type".into());
        }
        self.slug.check_free()?;
        self.limits.check()
    }

    /// The name of the module whose export is the processor.
    pub fn entry(&self) -> Option<&str> {
        match &self.modules {
            Some(modules) => ENTRY_MODULES.into_iter().find(|name| modules.contains_key(*name)),
            None => Some(SCRIPT_MODULE),
        }
    }

    /// All source modules by name; the author's own names, which stack frames show.
    pub fn sources(&self) -> BTreeMap<String, String> {
        match (&self.modules, &self.script) {
            (Some(modules), _) => modules.clone(),
            (None, Some(script)) => BTreeMap::from([(SCRIPT_MODULE.to_string(), script.clone())]),
            (None, None) => BTreeMap::new(),
        }
    }
}

fn is_module_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 1_024
        && !name.chars().any(char::is_control)
        && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// What one processor may use, up to the server's own bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timers: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_fetches: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appends_per_hook: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_bytes: Option<u64>,
    /// Whether `eval` and `new Function` compile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_generation: Option<bool>,
}

impl ProcessorLimits {
    fn check(&self) -> Result<(), String> {
        let millis = |duration: Duration| duration.as_millis() as u64;
        let bounds = [
            ("memoryBytes", self.memory_bytes, 1024 * 1024, limits::MEMORY_BYTES_MAX),
            ("cpuMs", self.cpu_ms, 1, millis(limits::CPU_PER_TURN_MAX)),
            ("timeoutMs", self.timeout_ms, 1, millis(limits::HOOK_TIMEOUT_MAX)),
            ("stackBytes", self.stack_bytes, limits::STACK_BYTES_MIN, limits::STACK_BYTES_MAX),
            ("timers", self.timers, 0, limits::TIMERS_MAX),
            ("pendingFetches", self.pending_fetches, 0, limits::PENDING_FETCHES_MAX),
            ("appendsPerHook", self.appends_per_hook, 0, limits::APPENDS_PER_HOOK_MAX),
            ("eventBytes", self.event_bytes, 1, limits::EVENT_BYTES_MAX as u64),
            ("logLines", self.log_lines, 0, limits::LOG_LINES_PER_HOOK_MAX),
            ("moduleBytes", self.module_bytes, 1, limits::MODULE_BYTES_MAX),
        ];
        for (name, value, min, max) in bounds {
            if value.is_some_and(|value| !(min..=max).contains(&value)) {
                return Err(format!("`limits.{name}` must be from {min} to {max}"));
            }
        }
        Ok(())
    }

    /// With the server's defaults for what was not asked for.
    #[must_use]
    pub fn in_full(&self) -> ProcessorLimits {
        let millis = |duration: Duration| duration.as_millis() as u64;
        ProcessorLimits {
            memory_bytes: self.memory_bytes.or(Some(limits::MEMORY_BYTES)),
            cpu_ms: self.cpu_ms.or(Some(millis(limits::CPU_PER_TURN))),
            timeout_ms: self.timeout_ms.or(Some(millis(limits::HOOK_TIMEOUT))),
            stack_bytes: self.stack_bytes.or(Some(limits::STACK_BYTES)),
            timers: self.timers.or(Some(limits::TIMERS)),
            pending_fetches: self.pending_fetches.or(Some(limits::PENDING_FETCHES)),
            appends_per_hook: self.appends_per_hook.or(Some(limits::APPENDS_PER_HOOK)),
            event_bytes: self.event_bytes.or(Some(limits::EVENT_BYTES_MAX as u64)),
            log_lines: self.log_lines.or(Some(limits::LOG_LINES_PER_HOOK)),
            module_bytes: self.module_bytes.or(Some(limits::MODULE_BYTES)),
            code_generation: self.code_generation.or(Some(false)),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    #[serde(default)]
    pub allow: Vec<HostRule>,
}

/// What a bundler says of the bundle that it made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Json>,
    /// What the author may want to mend though it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<BundleWarning>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvVarSet {
    pub key: String,
    pub value: String,
}

impl EnvVarSet {
    fn check(&self) -> Result<(), String> {
        let trimmed = self.key.trim();
        if trimmed.is_empty() || self.key.len() > 256 {
            return Err("`key` must be a name of 1 to 256 bytes".into());
        }
        if trimmed.contains(['=', '\0']) {
            return Err(format!(
                "`key` is {:?}: the name of an environment variable has no `=` and no NUL",
                self.key
            ));
        }
        if self.value.contains('\0') {
            return Err("`value` must not have a NUL: no environment variable can hold one".into());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the fields are there to be checked")]
struct RendererConfigured {
    slug: Slug,
    matcher: String,
    template: String,
}
