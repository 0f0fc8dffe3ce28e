//! The examples of this repository, as if they were TypeScript: nothing is wrong with them but types that are left
//! out where nothing can tell them.

use super::*;

#[tokio::test]
async fn examples_have_the_errors_of_javascript() {
    let checker = checker();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for example in std::fs::read_dir(folder).unwrap() {
        let example = example.unwrap().path();
        let mut files =
            vec![("tsconfig.json".to_owned(), r#"{"compilerOptions": {"noImplicitAny": false}}"#.to_owned())];
        for file in std::fs::read_dir(&example).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(stem) = name.strip_suffix(".js") {
                files.insert(0, (format!("{stem}.ts"), std::fs::read_to_string(&path).unwrap()));
            }
        }
        files.sort_by_key(|(name, _)| name != "processor.ts");
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let found = checker.check(&program(&files)).await.unwrap();
        // A map of what has no type holds what has none.
        let expected: &[&str] =
            if example.ends_with("word-count") { &["TS2365 processor.ts:20:48"] } else { &[] };
        assert_eq!(places(&found), expected, "{}: {found:#?}", example.display());
    }
}
