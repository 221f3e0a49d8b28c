//! The two Dockerfiles, parsed. Nothing is built here; what of the Linux image was tried without Docker,
//! `docs/deploy.md` says.

use parse_dockerfile::{Command, Dockerfile, HealthcheckArguments, Instruction, Source, Stage};
use steading_tests::repository;

use super::start::Start;
use super::{Ports, text};

const LINUX: &str = "linux/Dockerfile";
const WINDOWS: &str = "windows/Dockerfile";

/// What the last stage says, read off its instructions.
#[derive(Debug, Default)]
struct Image {
    base: String,
    user: String,
    workdir: String,
    volumes: Vec<String>,
    ports: Vec<u16>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    health: Vec<String>,
    /// From which stage, what, to where, whose.
    copies: Vec<(String, String, String, Option<String>)>,
}

fn parsed<T>(file: &str, look: impl FnOnce(&Dockerfile<'_>) -> T) -> T {
    let text = text(file);
    look(&parse_dockerfile::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
}

fn image(file: &str) -> Image {
    parsed(file, |dockerfile| {
        let last = dockerfile.stages().last().expect("there is a stage");
        Image::of(file, &last)
    })
}

impl Image {
    fn of(file: &str, stage: &Stage<'_, '_>) -> Self {
        let mut image = Self { base: stage.from.image.value.to_string(), ..Self::default() };
        for instruction in stage.instructions {
            match instruction {
                Instruction::User(it) => image.user = it.arguments.value.to_string(),
                Instruction::Workdir(it) => image.workdir = it.arguments.value.to_string(),
                Instruction::Expose(it) => {
                    let ports = it.arguments.iter().map(|port| port.value.parse());
                    image.ports = ports.collect::<Result<_, _>>().expect("numbers of TCP ports");
                }
                Instruction::Volume(it) => image.volumes = words_of_volume(&it.arguments),
                Instruction::Entrypoint(it) => image.entrypoint = exec(file, &it.arguments),
                Instruction::Cmd(it) => image.command = exec(file, &it.arguments),
                Instruction::Healthcheck(it) => {
                    let HealthcheckArguments::Cmd { arguments, .. } = &it.arguments else {
                        panic!("{file}: a health check")
                    };
                    image.health = exec(file, arguments);
                }
                Instruction::Copy(it) => {
                    let option = |name: &str| {
                        let found = it.options.iter().find(|option| option.name.value == name)?;
                        found.value.as_ref().map(|value| value.value.to_string())
                    };
                    let [Source::Path(from)] = &it.src[..] else { panic!("{file}: one path") };
                    image.copies.push((
                        option("from").expect("from the stage that builds"),
                        from.value.to_string(),
                        it.dest.value.to_string(),
                        option("chown"),
                    ));
                }
                Instruction::Label(_) | Instruction::Stopsignal(_) => {}
                other => panic!("{file}: {other:?} is not for the last stage"),
            }
        }
        image
    }

    /// How the image starts when nothing else is said, and how it asks after itself.
    fn starts(&self, file: &str) -> [Start; 2] {
        let start =
            |args: &[String]| Start { at: file.to_owned(), args: args.into(), ..<_>::default() };
        assert_eq!(self.health.first(), self.entrypoint.first(), "the one program there is");
        [start(&self.command), start(&self.health[1..])]
    }
}

/// A command as a list: there is no shell that could read any other.
fn exec(file: &str, command: &Command<'_>) -> Vec<String> {
    let Command::Exec(words) = command else { panic!("{file}: a list, because there is no shell") };
    words.value.iter().map(|word| word.value.to_string()).collect()
}

fn words_of_volume<const N: usize>(
    volume: &parse_dockerfile::JsonOrStringArray<'_, N>,
) -> Vec<String> {
    let parse_dockerfile::JsonOrStringArray::Json(words) = volume else { panic!("a list") };
    words.value.iter().map(|word| word.value.to_string()).collect()
}

#[test]
fn the_linux_image_is_one_program_of_a_user_that_is_not_root() {
    let image = image(LINUX);
    assert_eq!(image.base, "gcr.io/distroless/cc-debian12:nonroot");
    assert_eq!(image.user, "65532:65532");
    let [program, state] = &image.copies[..] else { panic!("{:?}", image.copies) };
    assert_eq!(image.entrypoint, std::slice::from_ref(&program.2));
    assert_eq!(state.3.as_deref(), Some("65532:65532"), "or a new volume would be root's");
    assert_eq!((&image.workdir, &image.volumes[..]), (&state.2, std::slice::from_ref(&state.2)));
    assert_eq!(image.command, ["worker"]);
    assert_eq!(image.health[1..], ["health"]);
    for (stage, from, ..) in &image.copies {
        assert_eq!(stage, "build");
        assert!(build(LINUX).contains(from), "{from} is made before it is copied");
    }
}

#[test]
fn the_windows_image_is_nano_server_without_an_administrator_and_runs_nothing_to_be_built() {
    let image = image(WINDOWS);
    assert_eq!(image.base, "mcr.microsoft.com/windows/${IMAGE}:${WINDOWS}");
    assert_eq!(image.user, "ContainerUser");
    let [(stage, from, to, _)] = &image.copies[..] else { panic!("{:?}", image.copies) };
    assert_eq!((stage.as_str(), image.entrypoint.len()), ("build", 1));
    assert_eq!(image.entrypoint[0], to.replace('/', "\\"));
    assert!(build(WINDOWS).contains(from), "{from} is made before it is copied");
    assert_eq!(
        (&image.command[..], &image.health[1..]),
        (&["worker".into()][..], &["health".into()][..])
    );
    parsed(WINDOWS, |dockerfile| {
        let arguments: Vec<String> =
            dockerfile.global_args().map(|arg| arg.arguments.value.to_string()).collect();
        assert_eq!(arguments[..2], ["WINDOWS=ltsc2022", "IMAGE=nanoserver"]);
    });
}

#[test]
fn both_images_have_the_ports_of_the_code() {
    let code = Ports::of_the_code();
    let mut ports = vec![code.manager];
    ports.extend(code.worker.into_iter().chain(code.gateway));
    for file in [LINUX, WINDOWS] {
        assert_eq!(image(file).ports, ports, "{file}");
    }
}

#[test]
fn both_images_are_built_by_the_compiler_of_the_repository() {
    let pinned = std::fs::read_to_string(repository().join("rust-toolchain.toml"));
    let pinned: toml::Table = toml::from_str(&pinned.expect("it is there")).expect("TOML");
    let channel = pinned["toolchain"]["channel"].as_str().expect("a version");
    for file in [LINUX, WINDOWS] {
        parsed(file, |dockerfile| {
            let arguments: Vec<String> =
                dockerfile.global_args().map(|arg| arg.arguments.value.to_string()).collect();
            assert!(arguments.contains(&format!("RUST={channel}")), "{file}: {arguments:?}");
            let stage = dockerfile.stage("build").expect("a stage that builds");
            assert_eq!(stage.from.image.value, "rust:${RUST}-slim-bookworm");
        });
        let build = build(file);
        assert!(
            build.contains("--release --locked --package steading-cli --bin steading"),
            "{build}"
        );
        assert!(build.contains("strip"), "{build}");
    }
}

#[test]
fn what_the_images_start_is_taken_by_the_binary() {
    for file in [LINUX, WINDOWS] {
        let [mut start, health] = image(file).starts(file);
        // who runs the image gives the token
        start.env.insert("STEADING_JOIN_TOKEN_FILE".into(), "/run/secrets/join_token".into());
        start.assert_taken();
        health.assert_taken();
    }
}

/// What the stage that builds runs.
fn build(file: &str) -> String {
    parsed(file, |dockerfile| {
        let stage = dockerfile.stage("build").expect("a stage that builds");
        let run = stage.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::Run(run) => Some(match &run.arguments {
                Command::Shell(text) => text.value.replace("\\\n", " "),
                other => panic!("{file}: {other:?}"),
            }),
            _ => None,
        });
        let all: String = run.collect::<Vec<_>>().join("\n");
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}
