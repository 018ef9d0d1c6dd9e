/* The connector ABI as a C author sees it. Made by tests/layout.rs from the Rust definitions,
   where every field is explained. A library exports one symbol:

       const ll_connector ledgerline_connector = { ... };
*/
#ifndef LEDGERLINE_H
#define LEDGERLINE_H

#include <stddef.h>
#include <stdint.h>

#define LL_MAGIC UINT64_C(0x454e494c4744454c)
#define LL_ABI_MAJOR 0
#define LL_ABI_MINOR 0
#define LL_MAX_CURSOR_BYTES 65536
#define LL_STATUS_OK 0
#define LL_STATUS_CONFIG 1
#define LL_STATUS_AUTH 2
#define LL_STATUS_RATE_LIMITED 3
#define LL_STATUS_UNAVAILABLE 4
#define LL_STATUS_REJECTED 5
#define LL_STATUS_PROTOCOL 6
#define LL_STATUS_CANCELLED 7
#define LL_STATUS_UNSUPPORTED 8
#define LL_STATUS_PANIC 9
#define LL_STATUS_BUG 10
#define LL_STATUS_NOT_FOUND 11
#define LL_OP_CHECK 1
#define LL_OP_DISCOVER 2
#define LL_OP_PULL 4
#define LL_OP_PUSH 8
#define LL_OP_FIND 16
#define LL_KIND_NEED 1
#define LL_KIND_PAGE 2
#define LL_KIND_RESULTS 3
#define LL_KIND_WANT 4
#define LL_KIND_DONE 5
#define LL_EFFECT_HTTP 1
#define LL_EFFECT_SLEEP 2
#define LL_LEVEL_ERROR 1
#define LL_LEVEL_WARN 2
#define LL_LEVEL_INFO 3
#define LL_LEVEL_DEBUG 4
#define LL_LEVEL_TRACE 5

/* Text of a string literal. */
#define LL_STR(s) { (const uint8_t *)(s), sizeof(s) - 1 }

typedef struct ll_session ll_session;
/* An array whose elements are `stride` bytes apart. */
typedef struct { const void *ptr; uint32_t len, stride; } ll_slice;

typedef struct {
    const uint8_t *ptr;
    size_t len;
} ll_bytes;

typedef struct {
    uint64_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint16_t abi_min_minor;
    uint16_t reserved;
    uint32_t size;
    uint32_t flags;
} ll_header;

typedef struct {
    uint32_t size;
    uint32_t level;
    ll_bytes target;
    ll_bytes message;
    ll_bytes fields;
    ll_bytes file;
    uint32_t line;
    uint32_t reserved;
} ll_log_record;

typedef struct {
    uint32_t size;
    int32_t status;
    uint64_t retry_after_ms;
    ll_bytes message;
    ll_bytes detail;
} ll_failure;

typedef struct {
    uint32_t size;
    uint32_t abi_minor;
    uint32_t max_level;
    uint32_t reserved;
    void (*log)(void *, const ll_log_record *);
    void (*fail)(void *, const ll_failure *);
    uint32_t (*cancelled)(void *);
    const void *(*extension)(void *, ll_bytes);
} ll_host_vtbl;

typedef struct {
    const ll_host_vtbl *vtbl;
    void *ctx;
} ll_host;

typedef struct {
    uint32_t size;
    uint32_t op;
    ll_bytes config;
    ll_bytes stream;
    ll_bytes cursor;
    uint64_t seed;
    uint32_t max_page_docs;
    uint32_t max_page_bytes;
    uint32_t max_open_effects;
    uint32_t reserved;
} ll_create_args;

typedef struct {
    ll_bytes name;
    ll_bytes value;
} ll_field;

typedef struct {
    uint32_t size;
    uint32_t flags;
    ll_bytes method;
    ll_bytes url;
    ll_slice headers;
    ll_bytes body;
    ll_bytes auth;
    ll_bytes bucket;
    uint32_t timeout_ms;
    uint32_t max_body_bytes;
    ll_slice covers;
} ll_http_request;

typedef struct {
    uint32_t size;
    uint32_t reserved;
    uint64_t millis;
} ll_sleep;

typedef struct {
    uint32_t id;
    uint32_t kind;
    const void *payload;
} ll_effect;

typedef struct {
    uint32_t id;
    int32_t status;
    uint32_t http_status;
    uint32_t reserved;
    ll_slice headers;
    ll_bytes body;
    ll_bytes message;
} ll_completion;

typedef struct {
    uint32_t change;
    uint32_t format;
    ll_bytes id;
    ll_bytes version;
    ll_bytes body;
    ll_bytes number;
    ll_bytes remote_id;
} ll_doc;

typedef struct {
    int32_t status;
    uint32_t flags;
    uint64_t retry_after_ms;
    ll_bytes remote_id;
    ll_bytes version;
    ll_bytes message;
    ll_bytes body;
    ll_bytes problem;
} ll_write_result;

typedef struct {
    uint32_t size;
    uint32_t flags;
    int64_t now_ms;
    ll_slice completions;
    ll_slice batch;
} ll_step_in;

typedef struct {
    uint32_t size;
    uint32_t kind;
    ll_slice effects;
    ll_slice docs;
    ll_bytes cursor;
    ll_slice results;
    ll_bytes value;
} ll_step_out;

typedef struct {
    uint32_t size;
    uint32_t ops;
    int32_t (*create)(ll_host, const ll_create_args *, ll_session **);
    int32_t (*step)(ll_session *, ll_host, const ll_step_in *, ll_step_out *);
    void (*destroy)(ll_session *);
    const void *(*extension)(ll_bytes);
} ll_connector_vtbl;

typedef struct {
    ll_header header;
    ll_bytes name;
    ll_bytes version;
    ll_bytes built_with;
    ll_bytes manifest;
    const ll_connector_vtbl *vtbl;
} ll_connector;

#if UINTPTR_MAX > 0xffffffffu
_Static_assert(sizeof(ll_bytes) == 16, "layout of ll_bytes");
_Static_assert(offsetof(ll_bytes, ptr) == 0, "ll_bytes.ptr");
_Static_assert(offsetof(ll_bytes, len) == 8, "ll_bytes.len");
_Static_assert(sizeof(ll_header) == 24, "layout of ll_header");
_Static_assert(offsetof(ll_header, magic) == 0, "ll_header.magic");
_Static_assert(offsetof(ll_header, abi_major) == 8, "ll_header.abi_major");
_Static_assert(offsetof(ll_header, abi_minor) == 10, "ll_header.abi_minor");
_Static_assert(offsetof(ll_header, abi_min_minor) == 12, "ll_header.abi_min_minor");
_Static_assert(offsetof(ll_header, reserved) == 14, "ll_header.reserved");
_Static_assert(offsetof(ll_header, size) == 16, "ll_header.size");
_Static_assert(offsetof(ll_header, flags) == 20, "ll_header.flags");
_Static_assert(sizeof(ll_log_record) == 80, "layout of ll_log_record");
_Static_assert(offsetof(ll_log_record, size) == 0, "ll_log_record.size");
_Static_assert(offsetof(ll_log_record, level) == 4, "ll_log_record.level");
_Static_assert(offsetof(ll_log_record, target) == 8, "ll_log_record.target");
_Static_assert(offsetof(ll_log_record, message) == 24, "ll_log_record.message");
_Static_assert(offsetof(ll_log_record, fields) == 40, "ll_log_record.fields");
_Static_assert(offsetof(ll_log_record, file) == 56, "ll_log_record.file");
_Static_assert(offsetof(ll_log_record, line) == 72, "ll_log_record.line");
_Static_assert(offsetof(ll_log_record, reserved) == 76, "ll_log_record.reserved");
_Static_assert(sizeof(ll_failure) == 48, "layout of ll_failure");
_Static_assert(offsetof(ll_failure, size) == 0, "ll_failure.size");
_Static_assert(offsetof(ll_failure, status) == 4, "ll_failure.status");
_Static_assert(offsetof(ll_failure, retry_after_ms) == 8, "ll_failure.retry_after_ms");
_Static_assert(offsetof(ll_failure, message) == 16, "ll_failure.message");
_Static_assert(offsetof(ll_failure, detail) == 32, "ll_failure.detail");
_Static_assert(sizeof(ll_host_vtbl) == 48, "layout of ll_host_vtbl");
_Static_assert(offsetof(ll_host_vtbl, size) == 0, "ll_host_vtbl.size");
_Static_assert(offsetof(ll_host_vtbl, abi_minor) == 4, "ll_host_vtbl.abi_minor");
_Static_assert(offsetof(ll_host_vtbl, max_level) == 8, "ll_host_vtbl.max_level");
_Static_assert(offsetof(ll_host_vtbl, reserved) == 12, "ll_host_vtbl.reserved");
_Static_assert(offsetof(ll_host_vtbl, log) == 16, "ll_host_vtbl.log");
_Static_assert(offsetof(ll_host_vtbl, fail) == 24, "ll_host_vtbl.fail");
_Static_assert(offsetof(ll_host_vtbl, cancelled) == 32, "ll_host_vtbl.cancelled");
_Static_assert(offsetof(ll_host_vtbl, extension) == 40, "ll_host_vtbl.extension");
_Static_assert(sizeof(ll_host) == 16, "layout of ll_host");
_Static_assert(offsetof(ll_host, vtbl) == 0, "ll_host.vtbl");
_Static_assert(offsetof(ll_host, ctx) == 8, "ll_host.ctx");
_Static_assert(sizeof(ll_create_args) == 80, "layout of ll_create_args");
_Static_assert(offsetof(ll_create_args, size) == 0, "ll_create_args.size");
_Static_assert(offsetof(ll_create_args, op) == 4, "ll_create_args.op");
_Static_assert(offsetof(ll_create_args, config) == 8, "ll_create_args.config");
_Static_assert(offsetof(ll_create_args, stream) == 24, "ll_create_args.stream");
_Static_assert(offsetof(ll_create_args, cursor) == 40, "ll_create_args.cursor");
_Static_assert(offsetof(ll_create_args, seed) == 56, "ll_create_args.seed");
_Static_assert(offsetof(ll_create_args, max_page_docs) == 64, "ll_create_args.max_page_docs");
_Static_assert(offsetof(ll_create_args, max_page_bytes) == 68, "ll_create_args.max_page_bytes");
_Static_assert(offsetof(ll_create_args, max_open_effects) == 72, "ll_create_args.max_open_effects");
_Static_assert(offsetof(ll_create_args, reserved) == 76, "ll_create_args.reserved");
_Static_assert(sizeof(ll_field) == 32, "layout of ll_field");
_Static_assert(offsetof(ll_field, name) == 0, "ll_field.name");
_Static_assert(offsetof(ll_field, value) == 16, "ll_field.value");
_Static_assert(sizeof(ll_http_request) == 128, "layout of ll_http_request");
_Static_assert(offsetof(ll_http_request, size) == 0, "ll_http_request.size");
_Static_assert(offsetof(ll_http_request, flags) == 4, "ll_http_request.flags");
_Static_assert(offsetof(ll_http_request, method) == 8, "ll_http_request.method");
_Static_assert(offsetof(ll_http_request, url) == 24, "ll_http_request.url");
_Static_assert(offsetof(ll_http_request, headers) == 40, "ll_http_request.headers");
_Static_assert(offsetof(ll_http_request, body) == 56, "ll_http_request.body");
_Static_assert(offsetof(ll_http_request, auth) == 72, "ll_http_request.auth");
_Static_assert(offsetof(ll_http_request, bucket) == 88, "ll_http_request.bucket");
_Static_assert(offsetof(ll_http_request, timeout_ms) == 104, "ll_http_request.timeout_ms");
_Static_assert(offsetof(ll_http_request, max_body_bytes) == 108, "ll_http_request.max_body_bytes");
_Static_assert(offsetof(ll_http_request, covers) == 112, "ll_http_request.covers");
_Static_assert(sizeof(ll_sleep) == 16, "layout of ll_sleep");
_Static_assert(offsetof(ll_sleep, size) == 0, "ll_sleep.size");
_Static_assert(offsetof(ll_sleep, reserved) == 4, "ll_sleep.reserved");
_Static_assert(offsetof(ll_sleep, millis) == 8, "ll_sleep.millis");
_Static_assert(sizeof(ll_effect) == 16, "layout of ll_effect");
_Static_assert(offsetof(ll_effect, id) == 0, "ll_effect.id");
_Static_assert(offsetof(ll_effect, kind) == 4, "ll_effect.kind");
_Static_assert(offsetof(ll_effect, payload) == 8, "ll_effect.payload");
_Static_assert(sizeof(ll_completion) == 64, "layout of ll_completion");
_Static_assert(offsetof(ll_completion, id) == 0, "ll_completion.id");
_Static_assert(offsetof(ll_completion, status) == 4, "ll_completion.status");
_Static_assert(offsetof(ll_completion, http_status) == 8, "ll_completion.http_status");
_Static_assert(offsetof(ll_completion, reserved) == 12, "ll_completion.reserved");
_Static_assert(offsetof(ll_completion, headers) == 16, "ll_completion.headers");
_Static_assert(offsetof(ll_completion, body) == 32, "ll_completion.body");
_Static_assert(offsetof(ll_completion, message) == 48, "ll_completion.message");
_Static_assert(sizeof(ll_doc) == 88, "layout of ll_doc");
_Static_assert(offsetof(ll_doc, change) == 0, "ll_doc.change");
_Static_assert(offsetof(ll_doc, format) == 4, "ll_doc.format");
_Static_assert(offsetof(ll_doc, id) == 8, "ll_doc.id");
_Static_assert(offsetof(ll_doc, version) == 24, "ll_doc.version");
_Static_assert(offsetof(ll_doc, body) == 40, "ll_doc.body");
_Static_assert(offsetof(ll_doc, number) == 56, "ll_doc.number");
_Static_assert(offsetof(ll_doc, remote_id) == 72, "ll_doc.remote_id");
_Static_assert(sizeof(ll_write_result) == 96, "layout of ll_write_result");
_Static_assert(offsetof(ll_write_result, status) == 0, "ll_write_result.status");
_Static_assert(offsetof(ll_write_result, flags) == 4, "ll_write_result.flags");
_Static_assert(offsetof(ll_write_result, retry_after_ms) == 8, "ll_write_result.retry_after_ms");
_Static_assert(offsetof(ll_write_result, remote_id) == 16, "ll_write_result.remote_id");
_Static_assert(offsetof(ll_write_result, version) == 32, "ll_write_result.version");
_Static_assert(offsetof(ll_write_result, message) == 48, "ll_write_result.message");
_Static_assert(offsetof(ll_write_result, body) == 64, "ll_write_result.body");
_Static_assert(offsetof(ll_write_result, problem) == 80, "ll_write_result.problem");
_Static_assert(sizeof(ll_step_in) == 48, "layout of ll_step_in");
_Static_assert(offsetof(ll_step_in, size) == 0, "ll_step_in.size");
_Static_assert(offsetof(ll_step_in, flags) == 4, "ll_step_in.flags");
_Static_assert(offsetof(ll_step_in, now_ms) == 8, "ll_step_in.now_ms");
_Static_assert(offsetof(ll_step_in, completions) == 16, "ll_step_in.completions");
_Static_assert(offsetof(ll_step_in, batch) == 32, "ll_step_in.batch");
_Static_assert(sizeof(ll_step_out) == 88, "layout of ll_step_out");
_Static_assert(offsetof(ll_step_out, size) == 0, "ll_step_out.size");
_Static_assert(offsetof(ll_step_out, kind) == 4, "ll_step_out.kind");
_Static_assert(offsetof(ll_step_out, effects) == 8, "ll_step_out.effects");
_Static_assert(offsetof(ll_step_out, docs) == 24, "ll_step_out.docs");
_Static_assert(offsetof(ll_step_out, cursor) == 40, "ll_step_out.cursor");
_Static_assert(offsetof(ll_step_out, results) == 56, "ll_step_out.results");
_Static_assert(offsetof(ll_step_out, value) == 72, "ll_step_out.value");
_Static_assert(sizeof(ll_connector_vtbl) == 40, "layout of ll_connector_vtbl");
_Static_assert(offsetof(ll_connector_vtbl, size) == 0, "ll_connector_vtbl.size");
_Static_assert(offsetof(ll_connector_vtbl, ops) == 4, "ll_connector_vtbl.ops");
_Static_assert(offsetof(ll_connector_vtbl, create) == 8, "ll_connector_vtbl.create");
_Static_assert(offsetof(ll_connector_vtbl, step) == 16, "ll_connector_vtbl.step");
_Static_assert(offsetof(ll_connector_vtbl, destroy) == 24, "ll_connector_vtbl.destroy");
_Static_assert(offsetof(ll_connector_vtbl, extension) == 32, "ll_connector_vtbl.extension");
_Static_assert(sizeof(ll_connector) == 96, "layout of ll_connector");
_Static_assert(offsetof(ll_connector, header) == 0, "ll_connector.header");
_Static_assert(offsetof(ll_connector, name) == 24, "ll_connector.name");
_Static_assert(offsetof(ll_connector, version) == 40, "ll_connector.version");
_Static_assert(offsetof(ll_connector, built_with) == 56, "ll_connector.built_with");
_Static_assert(offsetof(ll_connector, manifest) == 72, "ll_connector.manifest");
_Static_assert(offsetof(ll_connector, vtbl) == 88, "ll_connector.vtbl");
#endif

#endif
