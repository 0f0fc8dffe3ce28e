//! What hostile or unlucky scripts do, and what it costs: one failure for the script that did it, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace::isolate::{Bounds, IsolateError, ReactError};

use super::harness::{Case, Expect, Notes, check_in, event, isolates, load, shown};

fn quick() -> Bounds {
    Bounds {
        memory_bytes: 16 * 1024 * 1024,
        cpu_per_turn: Duration::from_millis(100),
        hook_timeout: Duration::from_secs(5),
        ..Bounds::default()
    }
}

/// In `afterAppend`, in an isolate of small bounds.
fn hostile(script: &'static str, failures: &'static [&'static str]) -> Case {
    Case {
        script,
        events: &["{}"],
        bounds: quick(),
        expect: Expect { failures, ..Expect::default() },
        ..Case::default()
    }
}

const INNOCENT: Case = Case {
    script: "export default { initialState: 0, reduce: ({ state }) => state + 1, async afterAppend() { await null } }",
    modules: &[],
    history: &["{}"],
    events: &["{}", "{}"],
    state: None,
    bounds: Bounds {
        memory_bytes: 16 * 1024 * 1024,
        cpu_per_turn: Duration::from_millis(100),
        hook_timeout: Duration::from_secs(5),
        ..Bounds::DEFAULT
    },
    expect: Expect { state: Some("3"), appends: &[], any_appends: false, logs: &[], failures: &[] },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_scripts() {
    let timeout =
        "!afterAppend timeout TimeoutError: the processor computed for more than 100 ms without a pause…";
    // Where the engine was interrupted in the middle of a loop, the failure says where that is.
    let in_the_loop =
        "!afterAppend timeout TimeoutError: the processor computed … @ processor.js:1:… afterAppend";
    let memory =
        "!afterAppend out-of-memory OutOfMemory: the processor needs more than its 16777216 bytes of memory…";
    let scripts = [
        ("export default { afterAppend() { while (true); } }", in_the_loop),
        (
            "export default { afterAppend() { while (true) try { while (true); } catch {} finally { continue } } }",
            timeout,
        ),
        ("export default { async afterAppend() { while (true) await 0 } }", timeout),
        (
            "export default { afterAppend() { const again = () => Promise.resolve().then(again); again() } }",
            memory,
        ),
        ("export default { afterAppend() { (function f() { queueMicrotask(f) })() } }", timeout),
        (
            "export default { async afterAppend() { setTimeout(() => { while (true); }, 1); await new Promise((r) => setTimeout(r, 50)) } }",
            timeout,
        ),
        ("export default { afterAppend() { /(a+)+b/.exec('a'.repeat(50)) } }", timeout),
        ("export default { afterAppend() { while (true) try { null.x } catch {} } }", timeout),
        (
            "export default { afterAppend() { const a = []; while (true) a.push(new Array(1000).fill(a.length)) } }",
            memory,
        ),
        (
            "export default { async afterAppend() { const a = []; while (true) try { a.push('x'.repeat(1e6) + a.length) } catch { await null } } }",
            memory,
        ),
        ("export default { afterAppend() { new Uint8Array(1e9) } }", memory),
        ("export default { afterAppend() { try { new Uint8Array(1e9) } catch {} } }", memory),
        (
            "export default { async afterAppend() { const all = []; for (;;) all.push(new Promise(() => {})) } }",
            memory,
        ),
        // What the modules and streams of the prelude do is counted like what scripts do themselves.
        (
            "import { deflateSync, inflateSync } from 'node:zlib'; export default { afterAppend() { const mega = deflateSync(new Uint8Array(1e6)); const bomb = []; for (;;) bomb.push(inflateSync(mega)) } }",
            memory,
        ),
        (
            "export default { async afterAppend() { await new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1e5)) } })).text() } }",
            memory,
        ),
        (
            "export default { async afterAppend() { for await (const chunk of new ReadableStream({ pull(c) { c.enqueue(1) } })); } }",
            timeout,
        ),
        (
            "import { Readable, PassThrough } from 'node:stream'; export default { async afterAppend() { for await (const chunk of new Readable({ read() { this.push('x') } }).pipe(new PassThrough())); } }",
            timeout,
        ),
        (
            "export default { afterAppend() { const { port1, port2 } = new MessageChannel(); for (;;) port1.postMessage(new Uint8Array(1e6)) } }",
            memory,
        ),
    ];
    let isolates = isolates();
    let all = scripts.map(|(script, failure)| {
        let isolates = isolates.clone();
        let mut case = hostile(script, Vec::leak(vec![failure]));
        if failure == memory {
            // A machine may take its time to give as much of it as a script may have.
            case.bounds.cpu_per_turn = Duration::from_secs(5);
        }
        tokio::spawn(async move { check_in(&isolates, case).await })
    });
    for one in all {
        one.await.unwrap();
    }
    check_in(&isolates, INNOCENT).await;
    assert_eq!(isolates.stats().kills, 0);
    assert_eq!(isolates.stats().restarts, 0);
}

/// They hold memory that is not the isolate's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressing_streams_are_bounded() {
    let script = "import { createGzip } from 'node:zlib'; export default { afterAppend() { const all = []; for (;;) all.push(createGzip()) } }";
    let failure = "afterAppend exception RangeError: more than 32 streams are being compressed at once…";
    let isolates = isolates();
    check_in(&isolates, hostile(script, Vec::leak(vec![failure]))).await;
    let script = "import { gzipSync } from 'node:zlib'; export default { afterAppend() { for (let n = 0; n < 100; n += 1) gzipSync('x') } }";
    check_in(&isolates, Case { bounds: Bounds::default(), ..hostile(script, &[]) }).await;
}

/// It is computed in slices: no turn is longer than it may be, whatever is asked for, and the others get theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_cryptography_is_computed_in_turns() {
    let scripts = [
        "export default { async afterAppend() { const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); const slow = { name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 4e9 }; await Promise.all([1, 2, 3].map(() => crypto.subtle.deriveBits(slow, key, 512))) } }",
        "export default { async afterAppend() { for (;;) await crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) }, true, ['sign']) } }",
    ];
    let isolates = isolates();
    let failure = "!afterAppend timeout TimeoutError: afterAppend took longer than 1000 ms…";
    let all = scripts.map(|script| {
        let case = hostile(script, Vec::leak(vec![failure]));
        let bounds = Bounds { hook_timeout: Duration::from_secs(1), ..case.bounds };
        let isolates = isolates.clone();
        tokio::spawn(async move { check_in(&isolates, Case { bounds, ..case }).await })
    });
    check_in(&isolates, INNOCENT).await;
    for one in all {
        one.await.unwrap();
    }
    check_in(&isolates, INNOCENT).await;
    assert_eq!(isolates.stats().kills, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_things_do_not_crash() {
    let isolates = isolates();
    let overflow = "afterAppend stack-overflow RangeError…";
    for (script, failures) in [
        (
            "export default { afterAppend() { let a = []; for (let n = 0; n < 100_000; n += 1) a = [a]; JSON.stringify(a) } }",
            vec![overflow],
        ),
        (
            "export default { afterAppend() { let a = '['.repeat(100_000); JSON.parse(a) } }",
            vec!["afterAppend …"],
        ),
        (
            "export default { afterAppend() { const f = new Proxy({}, { get: (t, k, r) => r[k] }); f.x } }",
            vec![overflow],
        ),
        (
            "export default { afterAppend() { let a; for (let n = 0; n < 200_000; n += 1) a = { a }; a = null } }",
            vec![],
        ),
        (
            "export default { afterAppend() { let f = () => {}; for (let n = 0; n < 5_000; n += 1) f = f.bind(null); f() } }",
            vec!["!afterAppend out-of-memory…"],
        ),
    ] {
        check_in(&isolates, Case { bounds: Bounds::default(), ..hostile(script, Vec::leak(failures)) }).await;
    }
    assert_eq!(isolates.stats().restarts, 0);
}

/// Wherever memory ends, in the engine's own start or in a script, it ends an isolate and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_may_end_anywhere() {
    let isolates = isolates();
    let script = "const big = []; export default { initialState: { n: [] }, reduce({ state, event }) { state.n.push({ event }) }, async afterAppend({ append, state }) {
        try { structuredClone(state); new URL('http://a/?b#c').searchParams.append('x', 'y'); new Headers({ a: 'b' }); new AbortController().abort() } catch {}
        for (;;) { try { big.push(new Map([[{}, new Uint8Array(100)]]), JSON.stringify(state), /a(b)c/.exec('abc'), async () => {}, Promise.reject(new Error('x')).catch(() => {}), class {}, new Proxy({}, {})) } catch {}
          if (big.length % 20 === 0) await null }
    } }";
    let mut ended = 0;
    for step in 0..150 {
        let bounds = Bounds { memory_bytes: 1024 * 1024 + step * 4_001, ..quick() };
        let notes = Arc::new(Notes::default());
        let Ok(isolate) = load(&isolates, &Case { script, bounds, ..Case::default() }, &notes).await else {
            continue;
        };
        match isolate.react(&event(2, "{}")).await {
            Err(ReactError::Isolate(IsolateError::Script(failure))) => {
                assert!(shown(&failure).contains("out-of-memory"), "{failure:?}");
                ended += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(ended > 50, "{ended}");
    assert_eq!(isolates.stats().restarts, 0);
    check_in(&isolates, INNOCENT).await;
}

/// Some built-in functions never ask whether they must stop: their process is killed, and its other isolates are lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_interrupted_is_killed() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let neighbour = load(&isolates, &INNOCENT, &notes).await.unwrap();
    let stuck = hostile(
        "export default { afterAppend() { Array.prototype.reverse.call({ length: 2 ** 53 - 1 }) } }",
        &[],
    );
    let stuck = load(&isolates, &stuck, &notes).await.unwrap();
    let started = Instant::now();
    match stuck.react(&event(2, "{}")).await {
        Err(ReactError::Isolate(IsolateError::Script(failure))) => {
            assert!(failure.error.message.contains("cannot be interrupted"), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    match neighbour.state().await {
        Err(IsolateError::Lost(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(notes.failures.lock().unwrap().is_empty());
    check_in(&isolates, INNOCENT).await;
    assert_eq!(isolates.stats().restarts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_costs_a_loading() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let isolate = load(&isolates, &INNOCENT, &notes).await.unwrap();
    let pid = rustix::process::Pid::from_raw(isolates.stats().workers[0].pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(matches!(isolate.react(&event(2, "{}")).await, Err(ReactError::Isolate(IsolateError::Lost(_)))));
    let again = load(&isolates, &INNOCENT, &notes).await.unwrap();
    again.react(&event(2, "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_busy_as_the_worker_died_is_named() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let neighbour = load(&isolates, &INNOCENT, &notes).await.unwrap();
    let busy = Case { script: "export default { onCaughtUp() { while (true); } }", ..Case::default() };
    let busy = load(&isolates, &busy, &notes).await.unwrap();
    let pid = rustix::process::Pid::from_raw(isolates.stats().workers[0].pid as i32).unwrap();
    let killing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    let (failed, ()) = tokio::join!(busy.caught_up(), killing);
    match failed {
        Err(ReactError::Isolate(IsolateError::Script(failure))) => {
            assert!(
                shown(&failure).starts_with("onCaughtUp exception WorkerKilled: the worker process crashed"),
                "{failure:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(neighbour.state().await, Err(IsolateError::Lost(_))));
    assert!(notes.failures.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_pool_its_processes_end() {
    let isolates = isolates();
    let isolate = load(&isolates, &INNOCENT, &Arc::default()).await.unwrap();
    let status = format!("/proc/{}", isolates.stats().workers[0].pid);
    assert!(std::path::Path::new(&status).exists());
    drop(isolates);
    assert!(matches!(isolate.state().await, Err(IsolateError::Lost(_))));
    assert!(!std::path::Path::new(&status).exists());
}

/// The isolates of one worker take turns: a long replay does not keep a short one waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn isolates_take_turns() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let slow = Case {
        script: "export default { reduce() { for (let n = 0; n < 1e5; n += 1); } }",
        ..Case::default()
    };
    let slow = load(&isolates, &slow, &notes).await.unwrap();
    let quick = load(&isolates, &INNOCENT, &notes).await.unwrap();
    let events: Vec<_> = (2..400).map(|offset| event(offset, "{}")).collect();
    let started = Instant::now();
    let slow = tokio::spawn(async move { slow.reduce(&events).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(20)).await;
    quick.react(&event(2, "{}")).await.unwrap();
    let quick_took = started.elapsed();
    slow.await.unwrap();
    assert!(quick_took < started.elapsed() / 2, "{quick_took:?} of {:?}", started.elapsed());
}

/// Nor does one that fails at its last event, and begins again from the last good state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_begins_again_takes_turns() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let slow = Case {
        script: "export default { initialState: [], reduce({ event, state }) { for (let n = 0; n < 1e5; n += 1); state.push(event.offset); if (event.offset % 100 === 99) throw new Error('late') } }",
        ..Case::default()
    };
    let slow = load(&isolates, &slow, &notes).await.unwrap();
    let quick = load(&isolates, &INNOCENT, &notes).await.unwrap();
    let events: Vec<_> = (2..300).map(|offset| event(offset, "{}")).collect();
    let replaying = tokio::spawn(async move {
        let failures = slow.reduce(&events).await.unwrap();
        (failures, slow.state().await.unwrap())
    });
    let (mut worst, mut offset) = (Duration::ZERO, 2);
    while !replaying.is_finished() {
        let started = Instant::now();
        quick.react(&event(offset, "{}")).await.unwrap();
        worst = worst.max(started.elapsed());
        offset += 1;
    }
    let (failures, state) = replaying.await.unwrap();
    let failed: Vec<u64> = failures.iter().map(|(offset, _)| offset.0).collect();
    assert_eq!(failed, [99, 199, 299]);
    let state: Vec<u64> = serde_json::from_str(state.as_str()).unwrap();
    let reduced: Vec<u64> = (2..300).filter(|offset| offset % 100 != 99).collect();
    assert_eq!(state, reduced);
    assert!(worst < Duration::from_millis(500), "{worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_hooks_and_abort() {
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    let case = Case {
        script: "let release; export default { concurrency: 'parallel', initialState: [], reduce({ state, event }) { state.push(event.offset) }, async afterAppend({ event, signal, state }) {
            if (event.offset === 2) await new Promise((resolve) => { release = resolve });
            if (event.offset === 3) release();
            if (event.offset === 4) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
            console.log(event.offset, state);
        } }",
        ..Case::default()
    };
    let isolate = load(&isolates, &case, &notes).await.unwrap();
    assert!(isolate.definition().parallel && isolate.definition().reacts);
    let (two, three, four) = (event(2, "{}"), event(3, "{}"), event(4, "{}"));
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(isolate.pending().await.unwrap(), 1);
        isolate.abort("replaced");
    };
    let (two, three, four, ()) =
        tokio::join!(isolate.react(&two), isolate.react(&three), isolate.react(&four), waiting);
    two.unwrap();
    three.unwrap();
    let four = four.unwrap_err().to_string();
    assert!(four.contains("AbortError: replaced"), "{four}");
    assert_eq!(*notes.logs.lock().unwrap(), ["info 3 [2, 3]", "info 2 [2]"]);
    assert_eq!(isolate.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compiling_is_shared_and_survives_its_worker() {
    let isolates = isolates();
    let case = |script| Case { script, ..Case::default() };
    let one = Arc::new(super::harness::sources(&case("export default {}")));
    let codes = futures_util::future::join_all((0..20).map(|_| isolates.compile(one.clone()))).await;
    let first = codes[0].as_ref().unwrap().clone();
    assert!(codes.iter().all(|code| Arc::ptr_eq(code.as_ref().unwrap(), &first)));
    assert_eq!(first.digest().len(), 64);
    // Deeply nested source is refused, not a crash.
    let deep: &'static str =
        Box::leak(format!("export default {}1{}", "(".repeat(200_000), ")".repeat(200_000)).into_boxed_str());
    let refused = isolates.compile(Arc::new(super::harness::sources(&case(deep)))).await;
    assert!(matches!(refused, Err(IsolateError::Script(_))), "{refused:?}");
    isolates.compile(Arc::new(super::harness::sources(&case("export default {};")))).await.unwrap();
}
