//! The names that modules of Node's export which no isolate has: what was compiled from TypeScript copies them one by
//! one before it uses any.

/// A module that is not listed shows its names when they are asked for.
pub(super) const EXPORTS: &[(&str, &str)] = &[
    (
        "async_hooks",
        "AsyncLocalStorage AsyncResource asyncWrapProviders createHook executionAsyncId \
         executionAsyncResource triggerAsyncId",
    ),
    ("child_process", "ChildProcess exec execFile execFileSync execSync fork spawn spawnSync"),
    (
        "cluster",
        "Worker disconnect fork isMaster isPrimary isWorker schedulingPolicy settings setupMaster \
         setupPrimary workers",
    ),
    ("dgram", "Socket createSocket"),
    ("diagnostics_channel", "Channel channel hasSubscribers subscribe tracingChannel unsubscribe"),
    (
        "dns",
        "ADDRCONFIG ADDRGETNETWORKPARAMS ALL BADFAMILY BADFLAGS BADHINTS BADNAME BADQUERY BADRESP BADSTR \
         CANCELLED CONNREFUSED DESTRUCTION EOF FILE FORMERR LOADIPHLPAPI NODATA NOMEM NONAME NOTFOUND \
         NOTIMP NOTINITIALIZED REFUSED Resolver SERVFAIL TIMEOUT V4MAPPED getDefaultResultOrder \
         getServers lookup lookupService promises resolve resolve4 resolve6 resolveAny resolveCaa \
         resolveCname resolveMx resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv resolveTxt \
         reverse setDefaultResultOrder setServers",
    ),
    (
        "dns/promises",
        "ADDRGETNETWORKPARAMS BADFAMILY BADFLAGS BADHINTS BADNAME BADQUERY BADRESP BADSTR CANCELLED \
         CONNREFUSED DESTRUCTION EOF FILE FORMERR LOADIPHLPAPI NODATA NOMEM NONAME NOTFOUND NOTIMP \
         NOTINITIALIZED REFUSED Resolver SERVFAIL TIMEOUT getDefaultResultOrder getServers lookup \
         lookupService resolve resolve4 resolve6 resolveAny resolveCaa resolveCname resolveMx \
         resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv resolveTxt reverse setDefaultResultOrder \
         setServers",
    ),
    (
        "fs",
        "Dir Dirent FileReadStream FileWriteStream ReadStream Stats WriteStream access accessSync \
         appendFile appendFileSync chmod chmodSync chown chownSync close closeSync constants copyFile \
         copyFileSync cp cpSync createReadStream createWriteStream exists existsSync fchmod fchmodSync \
         fchown fchownSync fdatasync fdatasyncSync fstat fstatSync fsync fsyncSync ftruncate \
         ftruncateSync futimes futimesSync lchmod lchmodSync lchown lchownSync link linkSync lstat \
         lstatSync lutimes lutimesSync mkdir mkdirSync mkdtemp mkdtempSync open openAsBlob openSync \
         opendir opendirSync promises read readFile readFileSync readSync readdir readdirSync readlink \
         readlinkSync readv readvSync realpath realpathSync rename renameSync rm rmSync rmdir rmdirSync \
         stat statSync statfs statfsSync symlink symlinkSync truncate truncateSync unlink unlinkSync \
         unwatchFile utimes utimesSync watch watchFile write writeFile writeFileSync writeSync writev \
         writevSync",
    ),
    (
        "fs/promises",
        "access appendFile chmod chown constants copyFile cp lchmod lchown link lstat lutimes mkdir \
         mkdtemp open opendir readFile readdir readlink realpath rename rm rmdir stat statfs symlink \
         truncate unlink utimes watch writeFile",
    ),
    (
        "http",
        "Agent ClientRequest IncomingMessage METHODS OutgoingMessage Server ServerResponse createServer \
         get globalAgent maxHeaderSize request setMaxIdleHTTPParsers validateHeaderName \
         validateHeaderValue",
    ),
    (
        "http2",
        "Http2ServerRequest Http2ServerResponse connect constants createSecureServer createServer \
         getDefaultSettings getPackedSettings getUnpackedSettings performServerHandshake sensitiveHeaders",
    ),
    ("https", "Agent Server createServer get globalAgent request"),
    (
        "module",
        "Module SourceMap builtinModules createRequire findSourceMap globalPaths isBuiltin register \
         runMain syncBuiltinESMExports",
    ),
    (
        "net",
        "BlockList Server Socket SocketAddress Stream connect createConnection createServer \
         getDefaultAutoSelectFamily getDefaultAutoSelectFamilyAttemptTimeout isIP isIPv4 isIPv6 \
         setDefaultAutoSelectFamily setDefaultAutoSelectFamilyAttemptTimeout",
    ),
    (
        "perf_hooks",
        "Performance PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver \
         PerformanceObserverEntryList PerformanceResourceTiming constants createHistogram \
         monitorEventLoopDelay performance",
    ),
    (
        "readline",
        "Interface clearLine clearScreenDown createInterface cursorTo emitKeypressEvents moveCursor \
         promises",
    ),
    ("readline/promises", "Interface Readline createInterface"),
    (
        "tls",
        "SecureContext Server TLSSocket checkServerIdentity connect convertALPNProtocols \
         createSecureContext createSecurePair createServer getCiphers rootCertificates",
    ),
    ("tty", "ReadStream WriteStream isatty"),
    (
        "v8",
        "DefaultDeserializer DefaultSerializer Deserializer GCProfiler Serializer cachedDataVersionTag \
         deserialize getHeapCodeStatistics getHeapSnapshot getHeapSpaceStatistics getHeapStatistics \
         promiseHooks queryObjects serialize setFlagsFromString setHeapSnapshotNearHeapLimit \
         startupSnapshot stopCoverage takeCoverage writeHeapSnapshot",
    ),
    (
        "vm",
        "Script compileFunction constants createContext createScript isContext measureMemory runInContext \
         runInNewContext runInThisContext",
    ),
    (
        "worker_threads",
        "BroadcastChannel MessageChannel MessagePort Worker getEnvironmentData isMainThread \
         markAsUntransferable moveMessagePortToContext parentPort postMessageToThread \
         receiveMessageOnPort resourceLimits setEnvironmentData threadId workerData",
    ),
];
