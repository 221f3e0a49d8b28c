(module
  (import "steading_v1" "request_head_read" (func $read (param i32 i32) (result i32)))
  (import "steading_v1" "response_send" (func $send (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\c8\00\00\00\00\00\00\00hello")
  (func (export "run") (param i32) (result i32)
    (drop (call $read (i32.const 64) (local.get 0)))
    (call $send (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 5)))
  (@custom "steading.functions" "{\"v\":1,\"name\":\"hello\",\"export\":\"run\",\"trigger\":{\"type\":\"http\",\"route\":\"hello/{a?}\",\"methods\":[\"GET\"],\"auth\":\"anonymous\"}}\n"))
