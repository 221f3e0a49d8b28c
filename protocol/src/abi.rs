//! Names by which guests and workers know each other: the native ABI, version 1 (written down in
//! `sdk/ABI.md`), and WASI preview 1, which is all that a command has. The manager refuses at publishing what
//! no worker could run.

/// The export that makes a module a command.
pub const COMMAND_EXPORT: &str = "_start";

/// The export by which workers reach a module's memory.
pub const MEMORY_EXPORT: &str = "memory";

/// The import module of the native ABI.
pub const IMPORT_MODULE: &str = "steading_v1";

/// What a worker provides under [`IMPORT_MODULE`].
pub const IMPORTS: &[&str] = &[
    "request_head_read",
    "request_body_read",
    "response_send",
    "response_start",
    "response_write",
    "log_write",
    "result_read",
    "kv_get",
    "kv_set",
    "kv_delete",
    "kv_list",
    "kv_increment",
    "kv_compare_and_set",
    "http_send",
    "http_body_read",
];

/// The import module of WASI preview 1, which native guests may use as well as commands.
pub const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// The functions of WASI preview 1, as its specification lists them.
pub const WASI_IMPORTS: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// Whether a worker provides this import to native guests.
pub fn is_provided(module: &str, name: &str) -> bool {
    match module {
        IMPORT_MODULE => IMPORTS.contains(&name),
        WASI_MODULE => WASI_IMPORTS.contains(&name),
        _ => false,
    }
}

/// Whether a worker provides this import to commands.
pub fn is_provided_to_commands(module: &str, name: &str) -> bool {
    module == WASI_MODULE && WASI_IMPORTS.contains(&name)
}
