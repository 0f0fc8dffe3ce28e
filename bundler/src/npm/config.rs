//! Where packages come from: npm's own settings, so that a machine on which npm works needs no others.
//! Knows files and environment only by what it is given.

mod npmrc;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::name;
use super::problem::{InstallProblem, ProblemCode};
use crate::limits::{REGISTRY_IDLE_TIMEOUT, REGISTRY_TRIES_MAX};

const PUBLIC_REGISTRY: &str = "https://registry.npmjs.org/";
const PUBLIC_REGISTRY_HOST: &str = "registry.npmjs.org";
/// Where npm's distributions put the settings of all users; later ones win.
const GLOBAL_FILES: &[&str] = &["/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"];

/// Settings by npm's own names, from the weakest source to the strongest: global, user, project, environment.
/// Holds secrets, so it does not show itself.
#[derive(Clone, Default)]
pub struct NpmConfig {
    settings: BTreeMap<String, String>,
    /// Certificates written into the settings themselves.
    authorities: Vec<String>,
    /// Files of certificates that are trusted beside the usual ones.
    authority_files: Vec<PathBuf>,
    proxy: Proxies,
    /// What could not be read; told when the network is first needed.
    problems: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    pub http: Option<ProxyAddress>,
    pub https: Option<ProxyAddress>,
    pub except: Option<String>,
}

/// Told apart, so that no message holds the login.
#[derive(Clone, Debug)]
pub(super) struct ProxyAddress {
    pub address: String,
    pub login: Option<Login>,
}

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Bearer(String),
    Basic(String),
}

impl NpmConfig {
    /// `environment` is the process's own; `folder` may hold a project's `.npmrc`.
    pub fn load(environment: &BTreeMap<String, String>, folder: &Path) -> NpmConfig {
        let mut config = NpmConfig::default();
        let from_environment = npmrc::from_environment(environment);
        let setting = |name: &str| from_environment.get(name).filter(|value| !value.is_empty());
        match setting("globalconfig") {
            Some(file) => config.read(Path::new(file), environment),
            None => GLOBAL_FILES.iter().for_each(|file| config.read(Path::new(file), environment)),
        }
        let home = environment.get("HOME").map(|home| Path::new(home).join(".npmrc"));
        if let Some(user) = setting("userconfig").map(PathBuf::from).or(home) {
            config.read(&user, environment);
        }
        config.read(&folder.join(".npmrc"), environment);
        config.settings.extend(from_environment);
        config.hide_logins();
        config.take_authorities(environment);
        config.take_proxies(environment);
        config
    }

    /// A file that does not exist says nothing.
    fn read(&mut self, file: &Path, environment: &BTreeMap<String, String>) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return,
            Err(error) => return self.problems.push(format!("`{}` cannot be read: {error}", file.display())),
        };
        for (key, value) in npmrc::parse(&text, environment) {
            match key.as_str() {
                "ca" | "ca[]" => self.authorities.push(value.replace("\\n", "\n")),
                // Relative to the file that names it would be a guess; npm takes the working folder.
                _ => drop(self.settings.insert(key, value)),
            }
        }
    }

    /// A login inside a registry's address becomes a setting of its own, as weak as npm takes it: the address is told to
    /// authors, and stored beside what comes from there.
    fn hide_logins(&mut self) {
        let is_registry = |key: &str| key == "registry" || key.ends_with(":registry");
        let registries: Vec<String> = self.settings.keys().filter(|key| is_registry(key)).cloned().collect();
        for key in registries {
            let Some((address, login)) = self.settings.get(&key).map(|value| without_login(value)) else {
                continue;
            };
            if let (Some(Login { name, password }), Ok(url)) = (login, Url::parse(&address))
                && self.credentials_along(&url).is_none()
            {
                let pair = STANDARD.encode(format!("{name}:{password}"));
                self.settings.insert(format!("//{}{}:_auth", authority(&url), url.path()), pair);
            }
            self.settings.insert(key, address);
        }
    }

    fn take_authorities(&mut self, environment: &BTreeMap<String, String>) {
        let named = [
            self.settings.get("cafile"),
            environment.get("NODE_EXTRA_CA_CERTS"),
            environment.get("SSL_CERT_FILE"),
        ];
        let named = named.into_iter().flatten().filter(|file| !matches!(file.as_str(), "" | "null"));
        self.authority_files = named.map(PathBuf::from).collect();
    }

    fn take_proxies(&mut self, environment: &BTreeMap<String, String>) {
        let setting = |names: &[&str], variables: &[&str]| {
            let settings = names.iter().find_map(|name| self.settings.get(*name));
            let variables = variables.iter().find_map(|name| environment.get(*name));
            settings.or(variables).filter(|value| !matches!(value.as_str(), "" | "null" | "false")).cloned()
        };
        let proxy = |names: &[&str], variables: &[&str]| {
            let (address, login) = without_login(&setting(names, variables)?);
            Some(ProxyAddress { address, login })
        };
        self.proxy = Proxies {
            http: proxy(&["proxy", "http-proxy"], &["HTTP_PROXY", "http_proxy"]),
            https: proxy(
                &["https-proxy", "proxy", "http-proxy"],
                &["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"],
            ),
            except: setting(&["noproxy", "no-proxy"], &["NO_PROXY", "no_proxy"]),
        };
    }

    /// npm's `fetch-timeout`, in milliseconds, where it is shorter than ours.
    pub(super) fn idle_timeout(&self) -> Duration {
        let told = self.number("fetch-timeout").map(Duration::from_millis);
        told.map_or(REGISTRY_IDLE_TIMEOUT, |told| told.clamp(Duration::from_millis(1), REGISTRY_IDLE_TIMEOUT))
    }

    /// One more than npm's `fetch-retries`, and not more than ours.
    pub(super) fn tries(&self) -> u64 {
        self.number("fetch-retries")
            .map_or(REGISTRY_TRIES_MAX, |retries| retries.min(REGISTRY_TRIES_MAX - 1) + 1)
    }

    fn number(&self, setting: &str) -> Option<u64> {
        self.settings.get(setting)?.trim().parse().ok()
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxy
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(super) fn authorities(&self) -> &[String] {
        &self.authorities
    }

    pub(super) fn authority_files(&self) -> &[PathBuf] {
        &self.authority_files
    }

    pub(super) fn checks_certificates(&self) -> bool {
        self.settings.get("strict-ssl").is_none_or(|value| value != "false")
    }

    /// The registry of a package, by its scope. Ends with a slash.
    pub(super) fn registry(&self, package: &str) -> Result<Url, InstallProblem> {
        let scope = package.split_once('/').map(|(scope, _)| format!("{scope}:registry"));
        let scoped = scope.and_then(|key| self.settings.get_key_value(key.as_str()));
        let Some((key, value)) = scoped.or_else(|| self.settings.get_key_value("registry")) else {
            return Ok(Url::parse(PUBLIC_REGISTRY).expect("the public registry's address is a URL"));
        };
        let slash = if value.ends_with('/') { "" } else { "/" };
        let url = Url::parse(&format!("{value}{slash}")).ok();
        url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| {
            let message = format!("`{key}` of the npm configuration is not an http(s) URL: `{value}`");
            InstallProblem::new(ProblemCode::NpmConfig, message)
                .hint("correct it in the server's .npmrc or in the environment")
        })
    }

    /// What distinguishes what these settings resolve to from what others would: the registries.
    pub(super) fn registries(&self) -> BTreeMap<&str, &str> {
        let registries =
            self.settings.iter().filter(|(key, _)| *key == "registry" || key.ends_with(":registry"));
        registries.map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// Where registries keep a tarball unless they say otherwise.
    pub(super) fn usual_tarball(&self, package: &str, version: &str) -> Result<Url, InstallProblem> {
        let path = format!("{package}/-/{}-{version}.tgz", name::unscoped(package));
        let registry = self.registry(package)?;
        registry.join(&path).map_err(|_| {
            InstallProblem::new(ProblemCode::NpmConfig, format!("`{registry}` with `{path}` is not a URL"))
        })
    }

    /// Registries copy metadata from each other, and forget that their tarballs' addresses name the original:
    /// npm then puts in the registry that it asked (`replace-registry-host`).
    pub(super) fn tarball(&self, package: &str, declared: &str) -> Result<Url, InstallProblem> {
        let declared_url = Url::parse(declared).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(mut url) = declared_url.filter(Url::has_host) else {
            let declared = without_login(declared).0;
            let message =
                format!("the registry names `{declared}` as the tarball of `{package}`: no http(s) URL");
            return Err(InstallProblem::new(ProblemCode::RegistryAnswer, message));
        };
        // A lock would tell it to everybody; what our own settings say of the host goes along.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let replaced = self.settings.get("replace-registry-host").map_or("npmjs", String::as_str);
        let replace = match replaced {
            "never" => false,
            "always" => true,
            "npmjs" => url.host_str() == Some(PUBLIC_REGISTRY_HOST),
            host => url.host_str() == Some(host),
        };
        let registry = self.registry(package)?;
        if !replace || same_origin(&url, &registry) {
            return Ok(url);
        }
        let prefix = registry.path().trim_end_matches('/');
        let path = if url.path().starts_with(registry.path()) {
            url.path().to_owned()
        } else {
            format!("{prefix}{}", url.path())
        };
        let mut moved = registry;
        moved.set_path(&path);
        moved.set_query(url.query());
        url = moved;
        Ok(url)
    }

    /// Of the longest path in the settings that leads to this URL; else those of the registry, when the
    /// tarball lies beside it (some keep tarballs under another path).
    pub(super) fn credentials(&self, url: &Url, registry: &Url) -> Option<Credentials> {
        let own = self.credentials_along(url);
        own.or_else(|| same_origin(url, registry).then(|| self.credentials_along(registry)).flatten())
    }

    fn credentials_along(&self, url: &Url) -> Option<Credentials> {
        let authority = authority(url);
        let mut path = url.path();
        loop {
            path = &path[..=path.rfind('/')?];
            let found = self.credentials_at(&format!("//{authority}{path}"));
            let found = found
                .or_else(|| self.credentials_at(&format!("//{authority}{}", path.trim_end_matches('/'))));
            if found.is_some() {
                return found;
            }
            path = path.trim_end_matches('/');
        }
    }

    fn credentials_at(&self, place: &str) -> Option<Credentials> {
        let setting =
            |name: &str| self.settings.get(&format!("{place}:{name}")).filter(|value| !value.is_empty());
        if let Some(token) = setting("_authToken") {
            return Some(Credentials::Bearer(token.clone()));
        }
        if let Some(pair) = setting("_auth") {
            return Some(Credentials::Basic(pair.clone()));
        }
        let (name, password) = (setting("username")?, setting("_password")?);
        // npm keeps the password itself in base64.
        let password = STANDARD.decode(password.trim()).ok()?;
        let pair = [name.as_bytes(), b":", &password].concat();
        Some(Credentials::Basic(STANDARD.encode(pair)))
    }
}

pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// The key of `.npmrc` that would hold the token for this registry.
pub(super) fn token_key(registry: &Url) -> String {
    format!("//{}{}:_authToken", authority(registry), registry.path())
}

pub(super) fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// Name and password, as they are written into an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub name: String,
    pub password: String,
}

/// An address without the login in it (`https://name:password@host`), and the login. In what is no URL, all in front of
/// the last `@` counts as one that nobody can use.
fn without_login(address: &str) -> (String, Option<Login>) {
    let parsed = Url::parse(address).ok().filter(Url::has_host);
    // A proxy may be named without a scheme; with one, this would only take the scheme for a host.
    let bare = || (!address.contains("://")).then(|| Url::parse(&format!("http://{address}")).ok()).flatten();
    let Some(mut url) = parsed.or_else(bare) else {
        return (address.rsplit('@').next().unwrap_or_default().to_owned(), None);
    };
    if url.username().is_empty() && url.password().is_none() {
        return (address.to_owned(), None);
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login =
        Login { name: decoded(url.username()), password: decoded(url.password().unwrap_or_default()) };
    // Only an address without a host refuses.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (url.into(), Some(login))
}

#[cfg(test)]
mod tests;
