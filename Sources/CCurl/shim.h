// libcurl, whose options are set by functions with a variable number of arguments: Swift has none.
#pragma once
#include <curl/curl.h>

static inline CURLcode sallyport_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sallyport_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sallyport_curl_set_list(CURL *handle, struct curl_slist *value) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, value);
}

/// Copies the body.
static inline CURLcode sallyport_curl_set_body(CURL *handle, const void *bytes, size_t count) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code ? code : curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, bytes);
}

static inline CURLcode sallyport_curl_set_sink(CURL *handle,
                                               size_t (*take)(char *, size_t, size_t, void *),
                                               void *sink) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    return code ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, sink);
}

static inline long sallyport_curl_status(CURL *handle) {
    long status = 0;
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) ? 0 : status;
}

/// The answer's content type, or NULL; it lives as long as the transfer.
static inline const char *sallyport_curl_content_type(CURL *handle) {
    char *type = 0;
    return curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type) ? 0 : type;
}

/// The next transfer that has ended, or NULL; its result goes to `result`.
static inline CURL *sallyport_curl_ended(CURLM *transfers, CURLcode *result) {
    int left = 0;
    CURLMsg *message = 0;
    while ((message = curl_multi_info_read(transfers, &left)) != 0) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return 0;
}
