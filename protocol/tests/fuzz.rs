//! Fuzz targets: what people and packages write, `steading.toml` and route templates. Whatever is taken
//! is taken again, with the same meaning, when it is written back.

use std::path::Path;

use steading_fuzz::{Corpus, Script};
use steading_protocol::{Manifest, RouteTemplate};

fn check_manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Manifest::parse(text) {
        Err(error) => assert!(error.to_string().contains("steading.toml"), "{error}"),
        Ok(manifest) => {
            let written = toml::to_string(&manifest).expect("a manifest can be written");
            assert_eq!(Manifest::parse(&written).expect("and read again"), manifest);
        }
    }
}

fn check_template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match RouteTemplate::try_from(text.clone()) {
        Err(error) => assert!(error.to_string().contains("not valid"), "{error}"),
        Ok(route) => {
            assert_eq!(route.as_str(), text);
            assert!(text.len() <= 1024, "{} bytes", text.len());
            let shapes = route.shapes();
            assert!((1..=2).contains(&shapes.len()), "{shapes:?}");
            assert_eq!(text.is_empty(), route.segments().is_empty());
            assert_eq!(text.parse::<RouteTemplate>().expect("the same text"), route);
        }
    }
}

fn seeds(target: &str, check: impl Fn(&Path, &[u8])) -> Corpus {
    let corpus = Corpus::of(target);
    corpus.seeds().for_each(|(path, bytes)| check(path, bytes));
    corpus
}

#[test]
fn fuzz_manifest() {
    let corpus = seeds("manifest", |_, bytes| check_manifest(bytes));
    bolero::check!()
        .with_type::<Script>()
        .with_iterations(usize::MAX)
        .with_test_time(steading_fuzz::time())
        .for_each(|script| check_manifest(&corpus.mutate(script)));
}

#[test]
fn fuzz_template() {
    let corpus = seeds("template", |_, bytes| check_template(bytes));
    bolero::check!()
        .with_type::<Script>()
        .with_iterations(usize::MAX)
        .with_test_time(steading_fuzz::time())
        .for_each(|script| check_template(&corpus.mutate(script)));
}
