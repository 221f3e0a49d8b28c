//! The worker's key-value imports, wrapped: one operation in, what it found or a negative code out. On any
//! target but wasm the store is in memory, one for each thread, so that tests do not meet each other.

/// An operation. An empty `after` is none, a revision of 0 is no entry.
pub(crate) enum Operation<'a> {
    Get { key: &'a str },
    Set { key: &'a str, value: &'a [u8] },
    Delete { key: &'a str },
    List { prefix: &'a str, after: &'a str, count: u32 },
    Increment { key: &'a str, by: i64 },
    CompareAndSet { key: &'a str, revision: i64, value: &'a [u8] },
}

pub(crate) use imports::perform;

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "imports of a wasm module can only be declared and called unsafely")]
mod imports {
    use super::Operation;

    type Text = *const u8;

    #[link(wasm_import_module = "steading_v1")]
    unsafe extern "C" {
        fn result_read(ptr: *mut u8, len: usize) -> usize;
        fn kv_get(store: Text, store_len: usize, key: Text, key_len: usize) -> i32;
        fn kv_set(
            store: Text,
            store_len: usize,
            key: Text,
            key_len: usize,
            value: Text,
            value_len: usize,
        ) -> i32;
        fn kv_delete(store: Text, store_len: usize, key: Text, key_len: usize) -> i32;
        fn kv_list(
            store: Text,
            store_len: usize,
            prefix: Text,
            prefix_len: usize,
            after: Text,
            after_len: usize,
            count: u32,
        ) -> i32;
        fn kv_increment(store: Text, store_len: usize, key: Text, key_len: usize, by: i64) -> i32;
        fn kv_compare_and_set(
            store: Text,
            store_len: usize,
            key: Text,
            key_len: usize,
            revision: i64,
            value: Text,
            value_len: usize,
        ) -> i32;
    }

    pub(crate) fn perform(store: &str, operation: &Operation<'_>) -> Result<Vec<u8>, i32> {
        let (s, sl) = (store.as_ptr(), store.len());
        // SAFETY: the worker only reads, within live slices, before it returns.
        let length = unsafe {
            match operation {
                Operation::Get { key } => kv_get(s, sl, key.as_ptr(), key.len()),
                Operation::Set { key, value } => {
                    kv_set(s, sl, key.as_ptr(), key.len(), value.as_ptr(), value.len())
                }
                Operation::Delete { key } => kv_delete(s, sl, key.as_ptr(), key.len()),
                Operation::List { prefix: p, after: a, count } => {
                    kv_list(s, sl, p.as_ptr(), p.len(), a.as_ptr(), a.len(), *count)
                }
                Operation::Increment { key, by } => {
                    kv_increment(s, sl, key.as_ptr(), key.len(), *by)
                }
                Operation::CompareAndSet { key: k, revision, value: v } => {
                    kv_compare_and_set(s, sl, k.as_ptr(), k.len(), *revision, v.as_ptr(), v.len())
                }
            }
        };
        let mut found = vec![0; usize::try_from(length).map_err(|_| length)?];
        // SAFETY: the worker writes at most `len` bytes at `ptr`, both of a live exclusive slice.
        let read = unsafe { result_read(found.as_mut_ptr(), found.len()) };
        found.truncate(read);
        Ok(found)
    }
}

#[cfg(not(target_family = "wasm"))]
mod imports {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::Operation;
    use crate::head::{put_str, put_u32};

    /// Entries by store and key, each with its revision, and the last revision given.
    #[derive(Default)]
    struct Memory {
        entries: BTreeMap<(String, String), (u64, Vec<u8>)>,
        revision: u64,
    }

    thread_local! {
        static MEMORY: RefCell<Memory> = RefCell::default();
    }

    pub(crate) fn perform(store: &str, operation: &Operation<'_>) -> Result<Vec<u8>, i32> {
        MEMORY.with_borrow_mut(|memory| memory.perform(store, operation))
    }

    impl Memory {
        fn perform(&mut self, store: &str, operation: &Operation<'_>) -> Result<Vec<u8>, i32> {
            let at = |key: &str| match valid(key) {
                true => Ok((store.to_owned(), key.to_owned())),
                false => Err(-2),
            };
            match operation {
                Operation::Get { key } => {
                    let entry = self.entries.get(&at(key)?);
                    return Ok(entry.map_or(vec![], |(revision, value)| {
                        [&revision.to_le_bytes()[..], value].concat()
                    }));
                }
                Operation::Set { key, value } => self.put(at(key)?, value.to_vec()),
                Operation::Delete { key } => drop(self.entries.remove(&at(key)?)),
                Operation::List { prefix, after, count } => {
                    return Ok(self.list(store, prefix, (after, *count)));
                }
                Operation::Increment { key, by } => {
                    let sum = self.sum(&at(key)?, *by).ok_or(-5)?;
                    self.put(at(key)?, sum.to_string().into());
                    return Ok(sum.to_le_bytes().to_vec());
                }
                Operation::CompareAndSet { key, revision, value } => {
                    let is = self.entries.get(&at(key)?).map_or(0, |(is, _)| is.cast_signed());
                    if is != *revision {
                        return Err(-6);
                    }
                    self.put(at(key)?, value.to_vec());
                }
            }
            Ok(vec![])
        }

        fn put(&mut self, at: (String, String), value: Vec<u8>) {
            self.revision += 1;
            self.entries.insert(at, (self.revision, value));
        }

        fn sum(&self, at: &(String, String), by: i64) -> Option<i64> {
            let number = match self.entries.get(at) {
                Some((_, value)) => std::str::from_utf8(value).ok()?.parse().ok()?,
                None => 0_i64,
            };
            number.checked_add(by)
        }

        fn list(&self, store: &str, prefix: &str, (after, count): (&str, u32)) -> Vec<u8> {
            let count = count.clamp(1, 1000) as usize;
            let mut keys: Vec<&str> = self
                .entries
                .keys()
                .filter(|(of, key)| of == store && key.starts_with(prefix) && key.as_str() > after)
                .map(|(_, key)| key.as_str())
                .collect();
            let more = keys.len() > count;
            keys.truncate(count);
            let mut found = vec![];
            put_u32(&mut found, keys.len());
            keys.iter().for_each(|key| put_str(&mut found, key.as_bytes()));
            put_u32(&mut found, usize::from(more));
            found
        }
    }

    fn valid(key: &str) -> bool {
        (1..=256).contains(&key.len()) && !key.chars().any(char::is_control)
    }
}
