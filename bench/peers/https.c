/*
 * https - the peer of `scripts/bench wechat`: template messages in a bare libcurl multi loop
 *
 *   crier-https URL CA_FILE COUNT IN_FLIGHT      prints requests a second and its CPU (ns) a request
 *
 * No queue, no store, no outcome: as many easy handles as are in flight, each used again.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char body[] =
    "{\"touser\":\"oAbCdEfGhIjKlMnOpQrStUvWxYz0\",\"template_id\":\"T-1\",\"client_msg_id\":"
    "\"0000001K.w.4711\",\"data\":{\"thing1\":{\"value\":\"防灾减灾日\"},\"time2\":{\"value\":"
    "\"2026-05-12 09:00\"}}}";

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static size_t
on_body(const char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static CURL *
make_request(const char *url, const char *ca_file, struct curl_slist *headers)
{
    CURL *request = curl_easy_init();
    if (!request)
        exit(1);
    curl_easy_setopt(request, CURLOPT_URL, url);
    curl_easy_setopt(request, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(request, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(request, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(request, CURLOPT_PIPEWAIT, 1L);
    return request;
}

/* Starts another with the handle of each that is done; returns how many are. */
static long
collect(CURLM *multi, long *left)
{
    CURLMsg *message;
    int waiting;
    long done = 0;
    while ((message = curl_multi_info_read(multi, &waiting)) != NULL) {
        CURL *request = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 200)
            exit(1);
        done++;
        curl_multi_remove_handle(multi, request);
        if (*left > 0 && curl_multi_add_handle(multi, request) == CURLM_OK)
            --*left;
        else
            curl_easy_cleanup(request);
    }
    return done;
}

int
main(int argc, char **argv)
{
    if (argc != 5)
        return 64;
    long count = strtol(argv[3], NULL, 10), in_flight = strtol(argv[4], NULL, 10);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURLM *multi = curl_multi_init();
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    long left = count, done = 0;
    for (; left > count - in_flight && left > 0; left--)
        curl_multi_add_handle(multi, make_request(argv[1], argv[2], headers));
    while (done < count) {
        int running;
        curl_multi_perform(multi, &running);
        done += collect(multi, &left);
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9;
    cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    printf("%.1f %" PRId64 "\n", (double)count / seconds, cpu_ns / count);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return 0;
}
