//! The compiler's options: what an author may decide, and what follows from how a processor is built and run.

use serde_json::{Value, json};

use super::files::{AUTHOR, OURS};

/// The newest standard of which the isolates have everything, and the parts of later ones that they have.
const LIBRARIES: [&str; 19] = [
    "es2023",
    "es2024.arraybuffer",
    "es2024.collection",
    "es2024.object",
    "es2024.promise",
    "es2024.regexp",
    "es2024.string",
    "es2025.collection",
    "es2025.float16",
    "es2025.iterator",
    "es2025.promise",
    "es2025.regexp",
    "esnext.array",
    "esnext.collection",
    "esnext.decorators",
    "esnext.disposable",
    "esnext.error",
    "esnext.typedarrays",
    "decorators",
];

pub fn path_of(name: &str) -> String {
    format!("{OURS}/{name}")
}

/// What holds unless the author's `tsconfig.json` says something else.
pub fn defaults(types: &[&str]) -> Value {
    json!({"compilerOptions": {
        "strict": true,
        // As the build does, if nothing else is said.
        "jsx": "react",
        "types": types,
        "typeRoots": [format!("{AUTHOR}/node_modules/@types")],
    }})
}

/// The program of these files. `extends` names configurations, the later ones stronger.
pub fn checking(files: &[String], extends: &[String]) -> Value {
    json!({
        "extends": extends,
        "files": files,
        "include": [],
        "exclude": [],
        "compilerOptions": {
            // Nothing is written, so nothing about outputs matters.
            "noEmit": true,
            "composite": false,
            "incremental": false,
            "declaration": false,
            "emitDeclarationOnly": false,
            "isolatedDeclarations": false,
            "outDir": null,
            "rootDir": null,
            // As the linker resolves and the isolates run.
            "target": "es2023",
            "lib": LIBRARIES,
            "noLib": false,
            "module": "esnext",
            "moduleResolution": "bundler",
            "moduleDetection": "force",
            "customConditions": ["module", "worker", "browser"],
            "resolvePackageJsonExports": true,
            "resolvePackageJsonImports": true,
            "preserveSymlinks": false,
            "allowImportingTsExtensions": true,
            "resolveJsonModule": true,
            "isolatedModules": true,
            "esModuleInterop": true,
            // Types are shown in short, however large they are.
            "noErrorTruncation": false,
            // Other people's declarations are not the author's to mend.
            "skipLibCheck": true,
            // JavaScript is there to be imported from, and is not checked itself.
            "allowJs": true,
            "checkJs": false,
        },
    })
}

/// For questions of syntax: no file is looked for but these.
pub fn parsing(files: &[String]) -> Value {
    json!({
        "files": files,
        "compilerOptions": {
            "noEmit": true,
            "noLib": true,
            "noResolve": true,
            "allowJs": true,
            "target": "es2023",
            "module": "esnext",
            "moduleResolution": "bundler",
            "moduleDetection": "force",
            "allowImportingTsExtensions": true,
            "jsx": "preserve",
            "types": [],
        },
    })
}
