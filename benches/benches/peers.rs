//! The same load on hello world everywhere: bare hyper, the worker, and the peers that are installed;
//! one table, with what each is as a fraction of bare hyper and of the worker. The worker runs it as a native guest, and
//! as the very component that `wasmtime serve` runs; how those two compare stands below the table.

#![allow(clippy::print_stdout)]

use steading_benches::{
    BareServer, Guest, Installation, Load, Peer, hello_component, without_backtraces,
};

const ROUNDS: usize = 3;
const LOAD: Load = Load { seconds: 3, connections: 32 };

struct Row {
    name: &'static str,
    url: String,
    per_second: Vec<f64>,
}

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::hello()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (bare, installation) = runtime.block_on(async {
        anyhow::Ok((BareServer::start().await?, Installation::start().await?))
    })?;
    let worker = runtime.block_on(installation.publish("hello", &guest.wasm, "hello"))?;
    let component = std::fs::read(hello_component()?)?;
    let component = runtime.block_on(installation.publish("component", &component, "hello"))?;
    let (wasmtime, workerd) = (Peer::wasmtime()?, Peer::workerd()?);
    let row = |name, url: &str| Row { name, url: url.to_owned(), per_second: vec![] };
    let mut rows = vec![
        row("bare hyper, no sandbox", &bare.url()),
        row("steading worker, fresh instance each", &worker),
        row("the same, wasi:http 0.2 component", &component),
    ];
    println!(
        "peers: hello world, wrk -t1 -c{} -d{}s, {ROUNDS} rounds in turn",
        LOAD.connections, LOAD.seconds
    );
    let names = ["wasmtime serve, fresh instance each", "workerd, one warm isolate"];
    for (name, found) in names.into_iter().zip([&wasmtime, &workerd]) {
        match found {
            Ok(peer) => rows.push(row(name, peer.url())),
            Err(install) => println!("  SKIPPED {name}: not installed; {install}"),
        }
    }
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.per_second.push(LOAD.run(&row.url)?.per_second);
        }
    }
    print(&mut rows);
    if let (Ok(_), [_, _, component, wasmtime, ..]) = (&wasmtime, &rows[..]) {
        let times = component.median() / wasmtime.median();
        println!("  the same component here and on wasmtime serve: {times:.2} x");
    }
    Ok(())
}

impl Row {
    /// The median, once the rounds are sorted.
    fn median(&self) -> f64 {
        self.per_second[ROUNDS / 2]
    }
}

/// The table of the medians.
fn print(rows: &mut [Row]) {
    let medians = rows.iter_mut().map(|row| {
        row.per_second.sort_by(f64::total_cmp);
        row.median()
    });
    let medians: Vec<f64> = medians.collect();
    println!("  {:<38} {:>10} {:>14} {:>16}", "", "requests/s", "of bare hyper", "worker is");
    for (row, median) in rows.iter().zip(&medians) {
        println!(
            "  {:<38} {median:>10.0} {:>14.3} {:>14.1} x",
            row.name,
            median / medians[0],
            medians[1] / median
        );
    }
}
