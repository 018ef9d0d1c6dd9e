/* A connector that lends whatever its cursor tells it to: the cursor's bytes are its program.

   Everything that the contract lets an engine read is there to be read, in blocks of exactly that
   size, so that a sanitizer sees one byte too many. Lengths that no rule allows come with pointers
   that nobody may follow. */
#include "ledgerline.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4096 };

struct ll_session {
    uint8_t *script;
    size_t length, at;
    void *blocks[BLOCKS];
    size_t count;
    uint32_t batch;
};

static const char *const WORDS[] = {
    "GET", "PUT", "POST", "HEAD", "get", "https://api.example/invoices", "https://api.example:1/\n",
    "api", "account", "Content-Type", "application/json", "id-1", "id-2", "{\"id\":1}", "{",
    "{\"category\":\"amount\",\"field\":null,\"cause\":\"c\",\"remedy\":\"r\"}", "{\"category\":\"nothing\"}",
    "[{\"id\":\"1\",\"name\":\"One\"}]", "[1]", "null",
    "{\"account\":{\"id\":\"1\",\"name\":\"One\",\"demo\":false},\"missing\":[]}", "\xff\xfe", "\xed\xa0\x80",
    "2026-11-22T03:00:00Z", "",
};

static uint8_t u8(ll_session *s) {
    return s->at < s->length ? s->script[s->at++] : 0;
}

static uint64_t number(ll_session *s, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | u8(s);
    }
    return value;
}

static uint8_t *block(ll_session *s, size_t size) {
    if (s->count == BLOCKS) {
        return NULL;
    }
    uint8_t *it = calloc(1, size ? size : 1);
    if (it) {
        s->blocks[s->count++] = it;
    }
    return it;
}

static void forget(ll_session *s) {
    while (s->count) {
        free(s->blocks[--s->count]);
    }
}

static const uint8_t *nowhere(void) {
    return (const uint8_t *)(uintptr_t)0x5151;
}

/* Bytes that may be read, whatever they are. */
static ll_bytes readable(ll_session *s) {
    uint8_t mode = u8(s);
    size_t length;
    if (mode < 128) {
        const char *word = WORDS[mode % (sizeof WORDS / sizeof *WORDS)];
        return (ll_bytes){ (const uint8_t *)word, strlen(word) };
    }
    length = mode == 255 ? (size_t)number(s, 2) * 16 : mode - 128u;
    uint8_t *it = block(s, length);
    if (!it) {
        return (ll_bytes){ NULL, 0 };
    }
    if (mode == 255) {
        memset(it, 'a', length);
    } else {
        for (size_t i = 0; i < length; i++) {
            it[i] = u8(s);
        }
    }
    return (ll_bytes){ it, length };
}

static ll_bytes bytes(ll_session *s) {
    switch (u8(s) % 16) {
    case 0:
        return (ll_bytes){ NULL, 0 };
    case 1:
        return (ll_bytes){ NULL, (size_t)number(s, 8) };
    case 2:
        return (ll_bytes){ nowhere(), 0 };
    case 3:
        return (ll_bytes){ nowhere(), SIZE_MAX - (size_t)number(s, 3) };
    case 4:
        return (ll_bytes){ nowhere(), (size_t)1 << (40 + u8(s) % 23) };
    default:
        return readable(s);
    }
}

/* Room for elements of this size, most often apart by just that. */
static ll_slice array(ll_session *s, uint32_t element, uint32_t count) {
    uint32_t stride = element;
    switch (u8(s) % 16) {
    case 0:
        return (ll_slice){ NULL, 0, 0 };
    case 1:
        return (ll_slice){ NULL, count, stride };
    case 2:
        return (ll_slice){ nowhere(), 0xffffffffu - u8(s), stride };
    case 3:
        stride = 0;
        break;
    case 4:
        stride = u8(s) % element;
        break;
    case 5:
        stride = element + u8(s);
        break;
    default:
        break;
    }
    uint8_t *it = block(s, (size_t)stride * count);
    return (ll_slice){ it, it ? count : 0, stride };
}

/* Puts an element where the array has room for all of it, else as much as fits. */
static void put(ll_slice to, uint32_t i, const void *element, uint32_t size) {
    if (to.ptr && to.ptr != nowhere() && i < to.len) {
        uint32_t room = to.stride < size ? to.stride : size;
        memcpy((uint8_t *)to.ptr + (size_t)i * to.stride, element, room);
    }
}

static uint32_t some(ll_session *s) {
    uint8_t count = u8(s);
    return count < 250 ? count % 5 : (uint32_t)number(s, 2) % 2000;
}

/* A struct that begins with its size: as long as it says, and no longer. */
static const void *sized(ll_session *s, const void *whole, uint32_t size) {
    uint8_t mode = u8(s);
    uint32_t told = mode < 200 ? size : mode < 230 ? size + (mode - 200u) * 4 : (mode - 230u) * 8;
    uint8_t *it = block(s, told < 4 ? 4 : told);
    if (!it) {
        return NULL;
    }
    memcpy(it, whole, told < size ? told : size);
    memcpy(it, &told, sizeof told);
    if (mode == 255) {
        return it + 1;
    }
    return it;
}

static const void *request(ll_session *s) {
    ll_http_request it = { .flags = u8(s), .method = readable(s), .url = bytes(s) };
    uint32_t count = some(s);
    it.headers = array(s, sizeof(ll_field), count);
    for (uint32_t i = 0; i < count && i < 200; i++) {
        ll_field field = { bytes(s), bytes(s) };
        put(it.headers, i, &field, sizeof field);
    }
    it.body = bytes(s);
    it.auth = bytes(s);
    it.bucket = bytes(s);
    it.timeout_ms = (uint32_t)number(s, 1);
    it.max_body_bytes = (uint32_t)number(s, 1);
    count = some(s);
    it.covers = array(s, sizeof(uint32_t), count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = u8(s) % 6;
        put(it.covers, i, &index, sizeof index);
    }
    return sized(s, &it, sizeof it);
}

static void effects(ll_session *s, ll_step_out *out) {
    uint32_t count = some(s);
    out->effects = array(s, sizeof(ll_effect), count);
    for (uint32_t i = 0; i < count && s->at < s->length; i++) {
        uint8_t kind = u8(s);
        ll_effect it = { u8(s), kind < 120 ? LL_EFFECT_HTTP : kind < 240 ? LL_EFFECT_SLEEP : kind, NULL };
        if (it.kind == LL_EFFECT_SLEEP) {
            ll_sleep sleep = { .millis = number(s, 1 + u8(s) % 8) };
            it.payload = sized(s, &sleep, sizeof sleep);
        } else if (it.kind == LL_EFFECT_HTTP) {
            it.payload = request(s);
        }
        if (u8(s) == 255) {
            it.payload = NULL;
        }
        put(out->effects, i, &it, sizeof it);
    }
}

static void docs(ll_session *s, ll_step_out *out) {
    uint32_t count = some(s);
    out->docs = array(s, sizeof(ll_doc), count);
    for (uint32_t i = 0; i < count && s->at < s->length; i++) {
        ll_doc it = { .change = u8(s) % 5, .format = u8(s) / 250, .id = bytes(s), .version = bytes(s),
            .body = bytes(s), .number = bytes(s), .remote_id = bytes(s) };
        put(out->docs, i, &it, sizeof it);
    }
    out->cursor = bytes(s);
}

static void results(ll_session *s, ll_step_out *out) {
    uint32_t count = u8(s) < 230 ? s->batch : some(s);
    out->results = array(s, sizeof(ll_write_result), count);
    for (uint32_t i = 0; i < count; i++) {
        ll_write_result it = { .status = u8(s) % 14 - 1, .flags = u8(s), .retry_after_ms = number(s, u8(s) % 9),
            .remote_id = bytes(s), .version = bytes(s), .message = bytes(s), .body = bytes(s),
            .problem = bytes(s) };
        put(out->results, i, &it, sizeof it);
    }
}

static void speak(ll_session *s, ll_host host) {
    uint8_t what = u8(s);
    if (what < 40) {
        ll_log_record it = { .level = u8(s), .target = readable(s), .message = readable(s),
            .fields = readable(s), .file = readable(s), .line = u8(s) };
        host.vtbl->log(host.ctx, sized(s, &it, sizeof it));
    } else if (what < 80) {
        ll_failure it = { .status = u8(s) % 14 - 1, .retry_after_ms = number(s, u8(s) % 9),
            .message = readable(s), .detail = readable(s) };
        host.vtbl->fail(host.ctx, sized(s, &it, sizeof it));
    } else if (what < 90) {
        host.vtbl->extension(host.ctx, readable(s));
        host.vtbl->cancelled(host.ctx);
        host.vtbl->log(host.ctx, NULL);
        host.vtbl->fail(host.ctx, NULL);
        host.vtbl->log(NULL, NULL);
    }
}

static int32_t status(ll_session *s) {
    uint8_t it = u8(s);
    return it < 240 ? LL_STATUS_OK : (int32_t)it - 241;
}

static int32_t create(ll_host host, const ll_create_args *args, ll_session **out) {
    ll_session *s = calloc(1, sizeof *s);
    if (!s) {
        return LL_STATUS_UNAVAILABLE;
    }
    s->length = args->cursor.len;
    s->script = malloc(s->length ? s->length : 1);
    if (!s->script) {
        free(s);
        return LL_STATUS_UNAVAILABLE;
    }
    if (s->length) {
        memcpy(s->script, args->cursor.ptr, s->length);
    }
    speak(s, host);
    int32_t told = status(s);
    if (told != LL_STATUS_OK || u8(s) == 255) {
        forget(s);
        free(s->script);
        free(s);
        return told;
    }
    *out = s;
    return LL_STATUS_OK;
}

static int32_t step(ll_session *s, ll_host host, const ll_step_in *in, ll_step_out *out) {
    forget(s);
    if (in->batch.len) {
        s->batch = in->batch.len;
    }
    if (s->at >= s->length) {
        out->kind = LL_KIND_DONE;
        return LL_STATUS_OK;
    }
    speak(s, host);
    uint8_t kind = u8(s);
    out->kind = kind < 250 ? kind % 5 + 1 : kind;
    switch (out->kind) {
    case LL_KIND_NEED:
        effects(s, out);
        break;
    case LL_KIND_PAGE:
        docs(s, out);
        break;
    case LL_KIND_RESULTS:
        results(s, out);
        break;
    case LL_KIND_DONE:
        out->value = bytes(s);
        break;
    default:
        break;
    }
    return status(s);
}

static void destroy(ll_session *s) {
    forget(s);
    free(s->script);
    free(s);
}

static const void *extension(ll_bytes name) {
    (void)name;
    return NULL;
}

static const ll_connector_vtbl VTBL = {
    sizeof VTBL, LL_OP_CHECK | LL_OP_DISCOVER | LL_OP_PULL | LL_OP_PUSH | LL_OP_FIND,
    create, step, destroy, extension,
};

const ll_connector ledgerline_connector = {
    .header = {
        .magic = LL_MAGIC,
        .abi_major = LL_ABI_MAJOR,
        .abi_minor = LL_ABI_MINOR,
        .abi_min_minor = LL_ABI_MINOR,
        .size = sizeof ledgerline_connector,
    },
    .name = LL_STR("hostile"),
    .version = LL_STR("0.1.0"),
    .built_with = LL_STR("c11"),
    .manifest = LL_STR("{\"name\":\"hostile\",\"title\":\"Hostile\",\"version\":\"0.1.0\","
                       "\"auth\":{\"api\":{\"kind\":\"basic\"}},\"budget\":{\"account\":{\"day\":10}},"
                       "\"streams\":{\"all\":{\"title\":\"it\",\"ops\":[\"pull\",\"push\",\"find\"],"
                       "\"find\":\"number\"}}}"),
    .vtbl = &VTBL,
};
