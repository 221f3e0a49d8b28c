//! Well-behaved: does with a file what the headers `do` and `path` say, and answers with what became of it.

use std::fs;
use std::io;

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn folder(request: Request) -> Response {
    let path = request.header("path").unwrap_or_default();
    let to = request.header("to").unwrap_or_default();
    let done = match request.header("do").unwrap_or("read") {
        "read" => fs::read_to_string(path),
        "write" => fs::write(path, "written").map(|()| "done".to_owned()),
        "remove" => fs::remove_file(path).map(|()| "done".to_owned()),
        "rename" => fs::rename(path, to).map(|()| "done".to_owned()),
        "link" => fs::hard_link(path, to).map(|()| "done".to_owned()),
        "make" => fs::create_dir(path).map(|()| "done".to_owned()),
        "list" => list(path),
        "fill" => return Response::text(filled(&request)),
        other => Err(io::Error::other(format!("no action `{other}`"))),
    };
    Response::text(done.unwrap_or_else(|error| format!("refused: {error}")))
}

fn filled(request: &Request) -> String {
    steading_test_components::filled(|name| request.header(name).unwrap_or_default().to_owned())
}

fn list(path: &str) -> io::Result<String> {
    let mut names = vec![];
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}
