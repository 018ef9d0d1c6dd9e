/* A whole connector in C: reads tickets page by page, and says whose account it reads.

   GET {base}/tickets?after=TOKEN answers {"items": [{"id": "1", "version": "a", ...}], "next": TOKEN or null}.
   The cursor is the token of the last page that was read, so a later pull begins with that page
   again: new tickets are put behind it.

   Build: cc -std=c11 -shared -fPIC -I ../.. tickets.c -o libtickets.so */
#include "ledgerline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON, as far as it is needed: values are found, not decoded ---------------------------------- */

enum { MAX_DEPTH = 64 };

typedef struct {
    const char *at, *end;
} span;

static int literal(span *s, const char *text) {
    size_t len = strlen(text);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0) {
        return 0;
    }
    s->at += len;
    return 1;
}

static void blank(span *s) {
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at) {
        s->at++;
    }
}

static int mark(span *s, char wanted) {
    blank(s);
    if (s->at == s->end || *s->at != wanted) {
        return 0;
    }
    s->at++;
    return 1;
}

static int string(span *s, span *inner) {
    if (!mark(s, '"')) {
        return 0;
    }
    inner->at = s->at;
    while (s->at < s->end && *s->at != '"') {
        s->at += *s->at == '\\' ? 2 : 1;
    }
    if (s->at >= s->end) {
        return 0;
    }
    inner->end = s->at++;
    return 1;
}

static int value(span *s, span *out, int depth);

/* The elements of an array, or the members of an object, up to its end. */
static int members(span *s, char end, int depth) {
    if (mark(s, end)) {
        return 1;
    }
    do {
        span skipped;
        if (end == '}' && !(string(s, &skipped) && mark(s, ':'))) {
            return 0;
        }
        if (!value(s, &skipped, depth + 1)) {
            return 0;
        }
    } while (mark(s, ','));
    return mark(s, end);
}

static int value(span *s, span *out, int depth) {
    span skipped;
    blank(s);
    out->at = s->at;
    int good = 0;
    if (depth > MAX_DEPTH || s->at == s->end) {
        return 0;
    } else if (*s->at == '"') {
        good = string(s, &skipped);
    } else if (*s->at == '{' || *s->at == '[') {
        char end = *s->at++ == '{' ? '}' : ']';
        good = members(s, end, depth);
    } else if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) {
        while (s->at < s->end && *s->at && strchr("+-.eE0123456789", *s->at)) {
            s->at++;
        }
        good = 1;
    } else {
        good = literal(s, "true") || literal(s, "false") || literal(s, "null");
    }
    out->end = s->at;
    return good;
}

/* The value of a member of the object in `object`; 0 when there is none. */
static int member(span object, const char *name, span *out) {
    span key;
    if (!mark(&object, '{')) {
        return 0;
    }
    while (string(&object, &key) && mark(&object, ':') && value(&object, out, 0)) {
        if ((size_t)(key.end - key.at) == strlen(name) && !memcmp(key.at, name, strlen(name))) {
            return 1;
        }
        if (!mark(&object, ',')) {
            return 0;
        }
    }
    return 0;
}

/* A member that is text without escapes. */
static int text(span object, const char *name, span *out) {
    span found;
    return member(object, name, &found) && string(&found, out) &&
           !memchr(out->at, '\\', (size_t)(out->end - out->at));
}

/* --- a session ------------------------------------------------------------------------------------ */

struct ll_session {
    uint32_t op, asked;
    int over;
    char base[512], token[128], url[1024], report[1024];
    ll_http_request request;
    ll_effect effect;
    uint8_t *body; /* the answer that the documents of the page lie in */
    ll_doc *docs;
};

static ll_bytes lent(span s) {
    return (ll_bytes){ (const uint8_t *)s.at, (size_t)(s.end - s.at) };
}

static int32_t fail(ll_host host, int32_t status, const char *message) {
    ll_failure failure = { .size = sizeof failure, .status = status };
    failure.message = (ll_bytes){ (const uint8_t *)message, strlen(message) };
    host.vtbl->fail(host.ctx, &failure);
    return status;
}

/* Takes a token over; only what needs no escaping in an address. */
static int keep_token(ll_session *s, span token) {
    size_t len = (size_t)(token.end - token.at);
    if (len >= sizeof s->token) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", token.at[i])) {
            return 0;
        }
    }
    memcpy(s->token, token.at, len);
    s->token[len] = 0;
    return 1;
}

static int32_t create(ll_host host, const ll_create_args *args, ll_session **out) {
    if (args->op != LL_OP_PULL && args->op != LL_OP_CHECK) {
        return fail(host, LL_STATUS_UNSUPPORTED, "this connector pulls and checks");
    }
    ll_session *s = calloc(1, sizeof *s);
    if (!s) {
        return fail(host, LL_STATUS_UNAVAILABLE, "out of memory");
    }
    span config = { (const char *)args->config.ptr, NULL }, base;
    config.end = config.at + args->config.len;
    if (!text(config, "base-url", &base) || (size_t)(base.end - base.at) >= sizeof s->base) {
        free(s);
        return fail(host, LL_STATUS_CONFIG, "the base URL is missing or too long");
    }
    memcpy(s->base, base.at, (size_t)(base.end - base.at));
    span token = { (const char *)args->cursor.ptr, NULL };
    token.end = token.at + args->cursor.len;
    if (args->cursor.len && !keep_token(s, token)) {
        free(s);
        return fail(host, LL_STATUS_CONFIG, "the cursor is not one of this connector's");
    }
    s->op = args->op;
    *out = s;
    return LL_STATUS_OK;
}

static int32_t ask(ll_session *s, ll_step_out *out) {
    if (s->op == LL_OP_CHECK) {
        snprintf(s->url, sizeof s->url, "%s/me", s->base);
    } else {
        const char *query = s->token[0] ? "?after=" : "";
        snprintf(s->url, sizeof s->url, "%s/tickets%s%s", s->base, query, s->token);
    }
    s->request = (ll_http_request){
        .size = sizeof s->request,
        .method = LL_STR("GET"),
        .url = { (const uint8_t *)s->url, strlen(s->url) },
        .auth = LL_STR("api"),
        .max_body_bytes = 32 << 20,
    };
    s->effect = (ll_effect){ ++s->asked, LL_EFFECT_HTTP, &s->request };
    out->kind = LL_KIND_NEED;
    out->effects = (ll_slice){ &s->effect, 1, sizeof s->effect };
    return LL_STATUS_OK;
}

static int32_t refused(ll_host host, const ll_completion *c) {
    if (c->status != LL_STATUS_OK) {
        return fail(host, c->status, "the API did not answer");
    }
    switch (c->http_status) {
    case 401:
    case 403:
        return fail(host, LL_STATUS_AUTH, "the API refused the credentials");
    case 429:
        return fail(host, LL_STATUS_RATE_LIMITED, "the API asks for fewer calls");
    default:
        return c->http_status >= 500 ? fail(host, LL_STATUS_UNAVAILABLE, "the API failed")
                                     : fail(host, LL_STATUS_REJECTED, "the API refused the call");
    }
}

static int32_t not_understood(ll_host host) {
    return fail(host, LL_STATUS_PROTOCOL, "the answer is not what the API promises");
}

/* Hands out the page in `body`. Its documents stay where they are in the answer's bytes. */
static int32_t page(ll_session *s, ll_host host, span body, ll_step_out *out) {
    span items, next, item, id, version, token;
    uint32_t count = 0;
    if (!member(body, "items", &items) || !member(body, "next", &next) || !mark(&items, '[')) {
        return not_understood(host);
    }
    if (!mark(&items, ']')) {
        do {
            if (!value(&items, &item, 0) || !text(item, "id", &id) || !text(item, "version", &version)) {
                return not_understood(host);
            }
            ll_doc *docs = realloc(s->docs, (count + 1) * sizeof *docs);
            if (!docs) {
                return fail(host, LL_STATUS_UNAVAILABLE, "out of memory");
            }
            s->docs = docs;
            docs[count++] = (ll_doc){
                .change = 1, .id = lent(id), .version = lent(version), .body = lent(item),
            };
        } while (mark(&items, ','));
        if (!mark(&items, ']')) {
            return not_understood(host);
        }
    }
    if (string(&next, &token)) {
        if (!keep_token(s, token)) {
            return not_understood(host);
        }
    } else if (literal(&next, "null")) {
        s->over = 1;
    } else {
        return not_understood(host);
    }
    out->kind = LL_KIND_PAGE;
    out->docs = (ll_slice){ s->docs, count, sizeof *s->docs };
    out->cursor = (ll_bytes){ (const uint8_t *)s->token, strlen(s->token) };
    return LL_STATUS_OK;
}

static int32_t report(ll_session *s, ll_host host, span body, ll_step_out *out) {
    span id, name, currency;
    if (!text(body, "id", &id) || !text(body, "name", &name) || !text(body, "currency", &currency)) {
        return not_understood(host);
    }
    int len = snprintf(s->report, sizeof s->report,
                       "{\"account\":{\"id\":\"%.*s\",\"name\":\"%.*s\",\"base-currency\":\"%.*s\"}}",
                       (int)(id.end - id.at), id.at, (int)(name.end - name.at), name.at,
                       (int)(currency.end - currency.at), currency.at);
    if (len < 0 || (size_t)len >= sizeof s->report) {
        return not_understood(host);
    }
    out->kind = LL_KIND_DONE;
    out->value = (ll_bytes){ (const uint8_t *)s->report, (size_t)len };
    return LL_STATUS_OK;
}

static int32_t step(ll_session *s, ll_host host, const ll_step_in *in, ll_step_out *out) {
    if (in->completions.len == 0) {
        if (s->over) {
            out->kind = LL_KIND_DONE;
            return LL_STATUS_OK;
        }
        return ask(s, out);
    }
    const ll_completion *c = in->completions.ptr;
    if (c->status != LL_STATUS_OK || c->http_status != 200) {
        return refused(host, c);
    }
    /* The answer is lent for this call alone, the page until the next one: so it is copied. */
    uint8_t *copy = realloc(s->body, c->body.len + 1);
    if (!copy) {
        return fail(host, LL_STATUS_UNAVAILABLE, "out of memory");
    }
    s->body = copy;
    if (c->body.len) {
        memcpy(copy, c->body.ptr, c->body.len);
    }
    span body = { (const char *)copy, (const char *)copy + c->body.len };
    span whole = body, all;
    if (!value(&whole, &all, 0)) {
        return not_understood(host);
    }
    return s->op == LL_OP_CHECK ? report(s, host, body, out) : page(s, host, body, out);
}

static void destroy(ll_session *s) {
    free(s->docs);
    free(s->body);
    free(s);
}

static const void *extension(ll_bytes name) {
    (void)name;
    return NULL;
}

static const ll_connector_vtbl VTBL = {
    sizeof VTBL, LL_OP_PULL | LL_OP_CHECK, create, step, destroy, extension,
};

#define MANIFEST \
    "{\"name\":\"tickets\",\"title\":\"Tickets\",\"version\":\"0.1.0\"," \
    "\"base-url\":\"https://tickets.example\"," \
    "\"auth\":{\"api\":{\"kind\":\"bearer\"}}," \
    "\"budget\":{\"account\":{\"concurrent\":1,\"minute\":60}}," \
    "\"streams\":{\"tickets\":{\"title\":\"ticket\",\"ops\":[\"pull\"],\"key\":\".id\"," \
    "\"number\":\".number\",\"date\":\".date\",\"total\":\".total\",\"currency\":\".currency\"," \
    "\"party\":\".customer\"}}}"

const ll_connector ledgerline_connector = {
    .header = {
        .magic = LL_MAGIC,
        .abi_major = LL_ABI_MAJOR,
        .abi_minor = LL_ABI_MINOR,
        .size = sizeof ledgerline_connector,
    },
    .name = LL_STR("tickets"),
    .version = LL_STR("0.1.0"),
    .built_with = LL_STR("c11"),
    .manifest = LL_STR(MANIFEST),
    .vtbl = &VTBL,
};
