//! A node in Rust, without crates: one operation, one that answers later, one that streams, and state that
//! a reload keeps. Tables are declared as far as they are used: they only ever grow at their ends.
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::{ptr, slice, str};

type Status = i32;
const OK: Status = 0; // and what goes wrong, as in onex/abi/base.h
const INVALID_INPUT: Status = -2;
const FAILED_PRECONDITION: Status = -8;
const UNIMPLEMENTED: Status = -11;
const INTERNAL: Status = -12;

#[repr(C)] #[derive(Clone, Copy)]
struct Str { data: *const u8, size: u64 }
impl Str {
    fn of(text: &str) -> Str { Str { data: text.as_ptr(), size: text.len() as u64 } }
    unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 { &[] } else { slice::from_raw_parts(self.data, self.size as usize) }
    }
}
#[repr(C)] struct Host { struct_size: u32, abi_major: u16, abi_minor: u16, ctx: *mut c_void, version: *const c_char,
    get_service: unsafe extern "C" fn(*mut c_void, Str) -> *const c_void }
#[repr(C)] struct Request { struct_size: u32, flags: u32, token: u64, operation: Str, input: Str, correlation_id: Str,
    key: Str, caller: Str, timeout_ms: i64, stream_in: u64, stream_out: u64 }
#[repr(C)] struct Answer { struct_size: u32, http_status: u32, output: Str }
#[repr(C)] #[derive(Clone, Copy)]
struct Wait { timeout_ms: i64, token: u64 }
#[repr(C)] struct Buf { struct_size: u32, reserved: u32, data: *mut u8, size: u64, capacity: u64 }
#[repr(C)] struct Writer { struct_size: u32, reserved: u32, ctx: *mut c_void,
    append: unsafe extern "C" fn(*mut c_void, *const u8, u64) -> Status }
type Error = c_void; // never written here: the status says enough
#[repr(C)] struct Call { struct_size: u32, reserved: u32, ctx: *mut c_void,
    answer: unsafe extern "C" fn(*mut c_void, u64, *const Answer) -> Status }
#[repr(C)] struct Exec { struct_size: u32, reserved: u32, ctx: *mut c_void, post: *const c_void,
    after: unsafe extern "C" fn(*mut c_void, i64, unsafe extern "C" fn(*mut c_void, u32), *mut c_void, *mut u64) -> Status }
#[repr(C)] struct Stream { struct_size: u32, reserved: u32, ctx: *mut c_void,
    alloc: unsafe extern "C" fn(*mut c_void, *mut *mut Buf) -> Status, retain: *const c_void,
    release: unsafe extern "C" fn(*mut c_void, *mut Buf), read: *const c_void,
    write: unsafe extern "C" fn(*mut c_void, u64, Wait, *mut Buf, *mut Error) -> Status }
type Control = unsafe extern "C" fn(*mut c_void, *mut Error) -> Status;
#[repr(C)] struct NodeTable { struct_size: u32, reserved: u32, this: *mut c_void, start: Control, quiesce: Control,
    resume: Control, stop: unsafe extern "C" fn(*mut c_void), destroy: unsafe extern "C" fn(*mut c_void),
    invoke: unsafe extern "C" fn(*mut c_void, *const Request, *mut Error) -> Status,
    get_interface: unsafe extern "C" fn(*mut c_void, Str) -> *const c_void }
#[repr(C)] struct State { struct_size: u32, reserved: u32,
    save: unsafe extern "C" fn(*mut c_void, *const Writer, *mut u32, *mut Error) -> Status,
    load: unsafe extern "C" fn(*mut c_void, u32, Str, *mut Error) -> Status }

struct Node { table: NodeTable, call: *const Call, exec: *const Exec, stream: *const Stream, count: AtomicU64 }
struct Later { call: *const Call, token: u64 }

/// No panic crosses the boundary.
fn guarded(work: impl FnOnce() -> Status) -> Status { catch_unwind(AssertUnwindSafe(work)).unwrap_or(INTERNAL) }
unsafe fn answer(call: *const Call, token: u64, output: &str) -> Status {
    let good = Answer { struct_size: size_of::<Answer>() as u32, http_status: 0, output: Str::of(output) };
    ((*call).answer)((*call).ctx, token, &good)
}
unsafe extern "C" fn answer_later(user: *mut c_void, dropped: u32) {
    let later = Box::from_raw(user as *mut Later);
    if dropped == 0 { answer(later.call, later.token, "{\"late\":true}"); }
}
unsafe fn lines(node: &Node, request: &Request, error: *mut Error) -> Status {
    let stream = &*node.stream;
    for line in ["one\n", "two\n", "three\n"] {
        let mut buf = ptr::null_mut();
        let status = (stream.alloc)(stream.ctx, &mut buf);
        if status != OK { return status; }
        ptr::copy_nonoverlapping(line.as_ptr(), (*buf).data, line.len());
        (*buf).size = line.len() as u64;
        let wait = Wait { timeout_ms: -1, token: request.token };
        let status = (stream.write)(stream.ctx, request.stream_out, wait, buf, error);
        (stream.release)(stream.ctx, buf);
        if status != OK { return status; }
    }
    answer(node.call, request.token, "{}")
}
unsafe extern "C" fn invoke(this: *mut c_void, request: *const Request, error: *mut Error) -> Status {
    guarded(|| unsafe {
        let (node, request) = (&*(this as *const Node), &*request);
        match request.operation.bytes() {
            b"count" => answer(node.call, request.token, &format!("{{\"count\":{}}}", node.count.fetch_add(1, SeqCst) + 1)),
            b"later" => {
                let later = Box::into_raw(Box::new(Later { call: node.call, token: request.token }));
                let mut task = 0;
                let status = ((*node.exec).after)((*node.exec).ctx, 20, answer_later, later as *mut c_void, &mut task);
                if status != OK { drop(Box::from_raw(later)); }
                status
            }
            b"lines" => lines(node, request, error),
            _ => UNIMPLEMENTED,
        }
    })
}
unsafe extern "C" fn save(this: *mut c_void, out: *const Writer, schema: *mut u32, _: *mut Error) -> Status {
    guarded(|| unsafe {
        let text = (*(this as *const Node)).count.load(SeqCst).to_string();
        *schema = 1;
        ((*out).append)((*out).ctx, text.as_ptr(), text.len() as u64)
    })
}
unsafe extern "C" fn load(this: *mut c_void, schema: u32, state: Str, _: *mut Error) -> Status {
    guarded(|| unsafe {
        let count = str::from_utf8(state.bytes()).ok().and_then(|text| text.parse::<u64>().ok());
        match count {
            Some(count) if schema == 1 => (*(this as *const Node)).count.store(count, SeqCst),
            _ => return INVALID_INPUT,
        }
        OK
    })
}
static STATE: State = State { struct_size: size_of::<State>() as u32, reserved: 0, save, load };
unsafe extern "C" fn get_interface(_: *mut c_void, id: Str) -> *const c_void {
    if id.bytes() == b"onex.state/1" { &STATE as *const State as *const c_void } else { ptr::null() }
}
unsafe extern "C" fn nothing(_: *mut c_void, _: *mut Error) -> Status { OK }
unsafe extern "C" fn stop(_: *mut c_void) {}
unsafe extern "C" fn destroy(this: *mut c_void) { drop(Box::from_raw(this as *mut Node)) }
unsafe extern "C" fn create(host: *const Host, _: *const c_void, out: *mut *const NodeTable, _: *mut Error) -> Status {
    guarded(|| unsafe {
        let find = |id: &str| ((*host).get_service)((*host).ctx, Str::of(id));
        let (call, exec, stream) = (find("onex.call/1"), find("onex.exec/1"), find("onex.stream/1"));
        if call.is_null() || exec.is_null() || stream.is_null() { return FAILED_PRECONDITION; }
        let table = NodeTable { struct_size: size_of::<NodeTable>() as u32, reserved: 0, this: ptr::null_mut(),
            start: nothing, quiesce: nothing, resume: nothing, stop, destroy, invoke, get_interface };
        let node = Box::into_raw(Box::new(Node { table, call: call.cast(), exec: exec.cast(), stream: stream.cast(), count: AtomicU64::new(0) }));
        (*node).table.this = node as *mut c_void;
        *out = &(*node).table;
        OK
    })
}
#[repr(transparent)] pub struct Ids([*const c_char; 4]);
unsafe impl Sync for Ids {}
const fn text(bytes: &'static [u8]) -> *const c_char { bytes.as_ptr().cast() }
static REQUIRED: Ids = Ids([text(b"onex.call/1\0"), text(b"onex.exec/1\0"), text(b"onex.stream/1\0"), ptr::null()]);
static OPTIONAL: Ids = Ids([ptr::null(); 4]);
#[repr(C)] pub struct Entry { struct_size: u32, magic: u32, abi_major: u16, abi_minor_needed: u16, flags: u32, id: *const c_char,
    version: *const c_char, build: *const c_char, contract: *const c_char, requires_services: &'static Ids,
    optional_services: &'static Ids, create: *const c_void }
unsafe impl Sync for Entry {}
#[no_mangle] pub static onex_plugin_entry_v1: Entry = Entry { struct_size: size_of::<Entry>() as u32, magic: 0x58454e4f,
    abi_major: 1, abi_minor_needed: 0, flags: 0, id: text(b"example_rust\0"), version: text(b"1.0.0\0"),
    build: text(b"rustc\0"), contract: concat!(include_str!("../example_rust.yaml"), "\0").as_ptr().cast(),
    requires_services: &REQUIRED, optional_services: &OPTIONAL, create: create as *const c_void };
