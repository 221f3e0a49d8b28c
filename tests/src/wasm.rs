//! Small modules written by hand, for what the SDK refuses to produce: imports that no worker has,
//! routes that no macro takes, two functions in one place.

/// A module of the native ABI with the given functions, each answering an empty 200.
/// A function is its name and its route; neither is checked.
pub fn module(functions: &[(&str, &str)]) -> Vec<u8> {
    with_imports("", functions)
}

/// As [`module`], with one more import of type `() -> ()`.
pub fn module_importing(import_module: &str, name: &str) -> Vec<u8> {
    let import = format!(r#"(import "{import_module}" "{name}" (func))"#);
    with_imports(&import, &[("hello", "hello")])
}

/// A module of the native ABI with the function `hello`, which answers 200 with a text of letters,
/// digits and blanks.
pub fn saying(text: &str) -> Vec<u8> {
    computing("", "", text)
}

/// As [`saying`], with more definitions in the module, and instructions that come before the answer.
pub fn computing(definitions: &str, instructions: &str, text: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (import "steading_v1" "response_send"
                (func $response_send (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\c8\00\00\00\00\00\00\00{text}")
            {definitions}
            (func (export "steading.http.hello") (param i32) (result i32)
                {instructions}
                (call $response_send (i32.const 0) (i32.const 8) (i32.const 8) (i32.const {}))))"#,
        text.len()
    );
    wat::parse_str(module).expect("the text is a module")
}

/// A component with these definitions that exports an instance of nothing under this name.
pub fn component(definitions: &str, export: &str) -> Vec<u8> {
    let instance = format!("(instance $i) (export \"{export}\" (instance $i))");
    wat::parse_str(format!("(component {definitions} {instance})"))
        .expect("the text is a component")
}

fn with_imports(imports: &str, functions: &[(&str, &str)]) -> Vec<u8> {
    let exports: String = functions.iter().map(|(name, _)| export(name)).collect();
    let records: String = functions.iter().map(|(name, route)| record(name, route)).collect();
    // The response head in memory: status 200 and no headers.
    let text = format!(
        r#"(module
            {imports}
            (import "steading_v1" "response_send"
                (func $response_send (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\c8\00\00\00\00\00\00\00")
            {exports}
            (@custom "steading.functions" "{}"))"#,
        records.escape_default(),
    );
    wat::parse_str(text).expect("the text is a module")
}

fn export(name: &str) -> String {
    format!(
        r#"(func (export "steading.http.{name}") (param i32) (result i32)
            (call $response_send (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0)))"#
    )
}

/// One line of the section by which a module describes its functions.
fn record(name: &str, route: &str) -> String {
    let record = serde_json::json!({
        "v": 1,
        "name": name,
        "export": format!("steading.http.{name}"),
        "trigger": { "type": "http", "route": route, "methods": [], "auth": "anonymous" },
    });
    format!("{record}\n")
}
