(module
  (import "steading_v1" "log_write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (start $start)
  (func $start (call $log (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "run") (param i32) (result i32) (unreachable))
  (@custom "steading.functions" "{\"v\":1,\"name\":\"bad\",\"export\":\"run\",\"trigger\":{\"type\":\"http\",\"route\":\"\",\"auth\":\"anonymous\"}}\n"))
