//! Which registry, which address and which credentials, from files and environment.

use std::collections::BTreeMap;

use url::Url;

use super::{Credentials, NpmConfig};

/// A configuration from these files and variables alone.
fn config(user: &str, project: &str, variables: &[(&str, &str)]) -> NpmConfig {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let work = folder.path().join("work");
    for (path, text) in [(&home, user), (&work, project)] {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join(".npmrc"), text).unwrap();
    }
    let mut environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    environment.insert("HOME".to_owned(), home.display().to_string());
    environment
        .insert("npm_config_globalconfig".to_owned(), folder.path().join("none").display().to_string());
    NpmConfig::load(&environment, &work)
}

#[test]
fn the_strongest_source_wins() {
    let registry = |config: &NpmConfig, name: &str| config.registry(name).unwrap().to_string();
    assert_eq!(registry(&config("", "", &[]), "zod"), "https://registry.npmjs.org/");

    let files = config(
        "registry=https://user.example\n@s:registry=https://s.example/npm",
        "registry=https://project.example/x",
        &[],
    );
    assert_eq!(registry(&files, "zod"), "https://project.example/x/");
    assert_eq!(registry(&files, "@s/a"), "https://s.example/npm/");
    assert_eq!(registry(&files, "@other/a"), "https://project.example/x/");

    let variable = [("NPM_CONFIG_REGISTRY", "https://env.example/")];
    assert_eq!(
        registry(&config("", "registry=https://project.example", &variable), "zod"),
        "https://env.example/"
    );

    let problem = config("registry=file:///etc", "", &[]).registry("zod").unwrap_err();
    assert_eq!(problem.code.as_str(), "npm-config");
}

#[test]
fn tarballs_move_with_the_registry() {
    let cases = [
        ("", "https://registry.npmjs.org/a/-/a-1.tgz", "https://mirror.example/npm/a/-/a-1.tgz"),
        ("", "http://registry.npmjs.org/a/-/a-1.tgz", "https://mirror.example/npm/a/-/a-1.tgz"),
        ("", "https://cdn.example/a-1.tgz?x=1", "https://cdn.example/a-1.tgz?x=1"),
        ("", "https://mirror.example/elsewhere/a.tgz", "https://mirror.example/elsewhere/a.tgz"),
        (
            "replace-registry-host=never",
            "https://registry.npmjs.org/a.tgz",
            "https://registry.npmjs.org/a.tgz",
        ),
        (
            "replace-registry-host=always",
            "https://cdn.example/a.tgz?x=1",
            "https://mirror.example/npm/a.tgz?x=1",
        ),
        (
            "replace-registry-host=cdn.example",
            "https://cdn.example/npm/a.tgz",
            "https://mirror.example/npm/a.tgz",
        ),
    ];
    for (setting, declared, expected) in cases {
        let config = config(&format!("registry=https://mirror.example/npm\n{setting}"), "", &[]);
        assert_eq!(config.tarball("a", declared).unwrap().as_str(), expected, "{setting} {declared}");
    }
    for bad in ["file:///etc/passwd", "nonsense", ""] {
        assert_eq!(config("", "", &[]).tarball("a", bad).unwrap_err().code.as_str(), "registry-answer");
    }
    let usual =
        config("registry=https://mirror.example/npm", "", &[]).usual_tarball("@s/a", "1.0.0").unwrap();
    assert_eq!(usual.as_str(), "https://mirror.example/npm/@s/a/-/a-1.0.0.tgz");
}

#[test]
fn credentials_go_where_they_belong() {
    let config = config(
        "//a.example/:_authToken=outer\n//a.example/deep/:_authToken=${INNER}\n//b.example:8080/npm/:_auth=cGFpcg==\n\
         //c.example/:username=u\n//c.example/:_password=cHc=\n//d.example/api/npm/:_authToken=d",
        "",
        &[("INNER", "inner")],
    );
    let bearer = |token: &str| Some(Credentials::Bearer(token.to_owned()));
    let basic = |pair: &str| Some(Credentials::Basic(pair.to_owned()));
    let cases = [
        ("https://a.example/x", "https://a.example/", bearer("outer")),
        ("https://a.example/deep/x/-/x.tgz", "https://a.example/", bearer("inner")),
        ("https://a.example/deeper/x", "https://a.example/", bearer("outer")),
        ("https://a.example:444/x", "https://a.example/", None),
        ("https://b.example:8080/npm/x", "https://b.example:8080/npm/", basic("cGFpcg==")),
        ("https://c.example/x", "https://c.example/", basic("dTpwdw==")),
        ("https://d.example/files/x.tgz", "https://d.example/api/npm/", bearer("d")),
        ("https://cdn.example/x.tgz", "https://d.example/api/npm/", None),
        ("https://a.example.evil/x", "https://a.example/", None),
    ];
    for (url, registry, expected) in cases {
        let (url, registry) = (Url::parse(url).unwrap(), Url::parse(registry).unwrap());
        assert_eq!(config.credentials(&url, &registry), expected, "{url}");
    }
}

/// A login in an address is sent, and never told.
#[test]
fn logins_in_addresses() {
    let told = |config: &NpmConfig| config.registry("zod").unwrap().to_string();
    let cases = [
        ("registry=https://u:p%40ss@a.example/npm", "https://a.example/npm/", Some("dTpwQHNz")),
        (
            "registry=https://u:p@a.example/npm\n//a.example/:_auth=stronger",
            "https://a.example/npm/",
            Some("stronger"),
        ),
        ("registry=https://token@a.example", "https://a.example/", Some("dG9rZW46")),
        ("registry=https://a.example/@x/", "https://a.example/@x/", None),
    ];
    for (settings, address, pair) in cases {
        let config = config(settings, "", &[]);
        assert_eq!(told(&config), address, "{settings}");
        let url = Url::parse(&format!("{address}zod")).unwrap();
        let expected = pair.map(|pair| Credentials::Basic(pair.to_owned()));
        assert_eq!(config.credentials(&url, &Url::parse(address).unwrap()), expected, "{settings}");
        assert!(!config.registries().values().any(|it| it.contains("u:p")));
    }
    let problem = config("registry=https://u:secret@:x", "", &[]).registry("zod").unwrap_err();
    assert!(!problem.message.contains("secret"), "{}", problem.message);
    let declared = config("", "", &[]).tarball("a", "https://u:secret@cdn.example/a.tgz").unwrap();
    assert_eq!(declared.as_str(), "https://cdn.example/a.tgz");

    for proxy in ["http://u:secret@proxy.example:3128", "u:secret@proxy.example:3128"] {
        let config = config("", "", &[("HTTPS_PROXY", proxy)]);
        let https = config.proxies().https.as_ref().unwrap();
        assert_eq!(https.address, "http://proxy.example:3128/");
        assert_eq!(https.login.as_ref().unwrap().password, "secret");
    }
}
