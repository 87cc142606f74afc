/* The lab's wide-area link: carries packets between two TUN devices, each in a network
 * namespace of its own, with a delay and a rate each way, a bounded queue and random loss.
 *
 *   relay NETNS-A NETNS-B DEVICE DELAY_US RATE_BIT_PER_S QUEUE_BYTES LOSS_PER_MILLION
 *
 * A packet leaves at its due time: when the link is free for it, plus length / rate, plus
 * delay. What would wait for the link longer than the queue allows is dropped, as a router
 * does. Prints "ready" when it carries; ends on any signal, or when its parent's pipe on
 * standard input closes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 65536 + 128, SECOND = 1000000000, BATCH = 16 };

struct packet {
    int64_t due;
    size_t length; /* of the whole, with the device's own header in front */
    unsigned char bytes[];
};

/* Packets on their way, in order, one behind the other in a ring of bytes. */
struct direction {
    int from, to;
    int64_t free_at; /* when the link has sent all that it took so far */
    unsigned char *ring;
    size_t head, tail, count, size, used_to; /* used_to: where the tail last turned round */
};

static int64_t delay_ns, queue_ns;
static double ns_per_byte;
static uint32_t loss_per_million;

static void fail(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

/* Open the TUN device that lies ready in the namespace, and leave this process in it. Without
 * random loss, TCP segments come and go up to 64 KiB at once: a third of the work. */
static int open_device(const char *netns, const char *device)
{
    char path[256];
    struct ifreq request;
    snprintf(path, sizeof path, "/run/netns/%s", netns);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        fail(path);
    close(space);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        fail("/dev/net/tun");
    if (!loss_per_million && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
        fail("TUNSETOFFLOAD");
    return fd;
}

/* Return the bytes that a packet takes on the wire, where each TCP segment has its own header. */
static double wire_bytes(const unsigned char *bytes, size_t length)
{
    struct virtio_net_hdr header;
    memcpy(&header, bytes, sizeof header);
    const unsigned char *packet = bytes + sizeof header;
    size_t size = length - sizeof header;
    if (header.gso_type == VIRTIO_NET_HDR_GSO_NONE || !header.gso_size)
        return (double)size;
    size_t headers = header.csum_start + (packet[header.csum_start + 12] >> 4) * 4;
    size_t segments = (size - headers + header.gso_size - 1) / header.gso_size;
    return (double)(size + (segments - 1) * headers);
}

static int lost(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15u; /* xorshift64: the same losses each time */
    if (!loss_per_million)
        return 0;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % 1000000 < loss_per_million;
}

/* Return where the next packet can be put; NULL when the ring is full. */
static struct packet *space(struct direction *way)
{
    const size_t need = sizeof(struct packet) + LARGEST;
    if (!way->count)
        way->head = way->tail = 0;
    int turned = way->count && way->tail <= way->head;
    if (!turned && way->size - way->tail < need) {
        way->used_to = way->tail;
        way->tail = 0;
        turned = 1;
    }
    if (turned && way->head - way->tail < need)
        return NULL;
    return (struct packet *)(way->ring + way->tail);
}

static size_t footprint(size_t length)
{
    return (sizeof(struct packet) + length + 15) & ~(size_t)15;
}

/* Take up to a batch of waiting packets; each gets its due time or is dropped. */
static void take(struct direction *way)
{
    for (int i = 0; i < BATCH; i++) {
        static unsigned char spill[LARGEST];
        struct packet *packet = space(way);
        ssize_t length = read(way->from, packet ? packet->bytes : spill, LARGEST);
        if (length <= 0)
            return;
        int64_t now = now_ns();
        int64_t start = way->free_at > now ? way->free_at : now;
        if (!packet || start - now > queue_ns || lost())
            continue;
        packet->length = (size_t)length;
        way->free_at = start + (int64_t)(wire_bytes(packet->bytes, packet->length) * ns_per_byte);
        packet->due = way->free_at + delay_ns;
        way->tail += footprint(packet->length);
        way->count++;
    }
}

static struct packet *first(const struct direction *way)
{
    return (struct packet *)(way->ring + way->head);
}

static void deliver(struct direction *way)
{
    int64_t now = way->count ? now_ns() : 0;
    while (way->count && first(way)->due <= now) {
        struct packet *packet = first(way);
        if (write(way->to, packet->bytes, packet->length) < 0 && errno == EAGAIN)
            return;
        way->head += footprint(packet->length);
        way->count--;
        if (way->head == way->used_to && way->tail <= way->head)
            way->head = 0;
    }
}

/* Return the time until the next packet is due; -1 when none waits. */
static int64_t wait_ns(const struct direction *ways)
{
    int64_t next = -1, now = now_ns();
    for (int i = 0; i < 2; i++) {
        if (!ways[i].count)
            continue;
        int64_t left = first(&ways[i])->due - now;
        left = left > 0 ? left : 0;
        next = next < 0 || left < next ? left : next;
    }
    return next;
}

static void carry(struct direction *ways)
{
    struct pollfd polled[3] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}, {0, POLLIN, 0}};
    for (;;) {
        int64_t wait = wait_ns(ways);
        /* Packets due within 0.2 ms leave together: fewer wake-ups, less processor time. */
        struct timespec time = {(wait + 200000) / SECOND, (wait + 200000) % SECOND};
        if (ppoll(polled, 3, wait < 0 ? NULL : &time, NULL) < 0)
            fail("ppoll");
        if (polled[2].revents)
            return;
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents & POLLIN)
                take(&ways[i]);
            deliver(&ways[i]);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "relay: seven arguments, see the top of relay.c\n");
        return 2;
    }
    delay_ns = atoll(argv[4]) * 1000;
    double rate = atof(argv[5]);
    ns_per_byte = 8.0 * SECOND / rate;
    queue_ns = (int64_t)(atof(argv[6]) * ns_per_byte);
    loss_per_million = (uint32_t)atol(argv[7]);
    prctl(PR_SET_TIMERSLACK, 1000);
    /* Room for what is on the way and in the queue at full rate; small packets take more. */
    double waiting = (double)(delay_ns + queue_ns) / ns_per_byte;
    struct direction ways[2];
    memset(ways, 0, sizeof ways);
    int a = open_device(argv[1], argv[3]);
    int b = open_device(argv[2], argv[3]);
    for (int i = 0; i < 2; i++) {
        ways[i].size = (size_t)waiting * 3 + 16 * LARGEST;
        ways[i].ring = malloc(ways[i].size);
        if (!ways[i].ring)
            fail("memory");
    }
    ways[0].from = ways[1].to = a;
    ways[0].to = ways[1].from = b;
    printf("ready\n");
    fflush(stdout);
    carry(ways);
    return 0;
}
