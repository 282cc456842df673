# Carries connections of this container to the runner over stdin and stdout, for an engine that shares no folder
# with it. Perl's base package is the least that can wait for several sockets at once.
#
# A frame: u32 connection, u8 kind, u32 length, bytes; big-endian. Kinds: 0 ready (from here, once it listens) or
# a sign of life (from the runner); 1 open, with the door: 0 the runtime API, 1 the proxy; 2 data; 3 end; 4 reset;
# 5 credit, with a u32: so many bytes were passed on. A sender stops once WINDOW bytes are not passed on yet.
use strict;
use warnings;
use Errno qw(EADDRINUSE EAGAIN EINTR);
use Fcntl;
use POSIX ();
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);

use constant { READY => 0, OPEN => 1, DATA => 2, END_OF => 3, RESET => 4, CREDIT => 5 };
use constant { WINDOW => 65536, CHUNK => 32768, MOST => 120, SILENCE_S => 60, PORT_WITHIN_S => 60 };
my @PORTS = (8081, 3128);

$SIG{PIPE} = 'IGNORE';
my ($in, $out, $next, %flows) = ('', '', 1);
my $most = (POSIX::sysconf(POSIX::_SC_OPEN_MAX()) || 64) - 16;
$most = MOST if $most > MOST;

sub nonblocking {
    my ($handle) = @_;
    fcntl($handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!";
}

# The program of an earlier runner lets go of the port when it notices that it is gone.
sub listener {
    my ($port) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, pack('i', 1));
    my $until = time + PORT_WITHIN_S;
    until (bind($socket, sockaddr_in($port, INADDR_LOOPBACK))) {
        die "port $port: $!\n" if $! != EADDRINUSE || time > $until;
        select(undef, undef, undef, 0.05);
    }
    listen($socket, 128) or die "listen: $!";
    nonblocking($socket);
    return $socket;
}

sub frame {
    my ($id, $kind, $bytes) = @_;
    $out .= pack('NCN', $id, $kind, length $bytes) . $bytes;
}

sub drop {
    my ($flow, $abruptly) = @_;
    setsockopt($flow->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $abruptly;
    delete $flows{$flow->{id}};
    close $flow->{socket};
}

sub broken {
    my ($flow) = @_;
    frame($flow->{id}, RESET, '');
    drop($flow, 1);
}

sub accept_from {
    my ($listener, $door) = @_;
    accept(my $socket, $listener) or return;
    nonblocking($socket);
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, pack('i', 1));
    my $id = $next++;
    $flows{$id} =
        { id => $id, socket => $socket, out => '', sent => 0, near_ended => 0, far_ended => 0, shut => 0 };
    frame($id, OPEN, pack('C', $door));
}

sub read_near {
    my ($flow) = @_;
    my $count = sysread($flow->{socket}, my $bytes, CHUNK);
    if (!defined $count) {
        broken($flow) unless $! == EAGAIN || $! == EINTR;
    } elsif ($count == 0) {
        $flow->{near_ended} = 1;
        frame($flow->{id}, END_OF, '');
        settle($flow);
    } else {
        $flow->{sent} += $count;
        frame($flow->{id}, DATA, $bytes);
    }
}

sub write_near {
    my ($flow) = @_;
    my $count = syswrite($flow->{socket}, $flow->{out});
    if (!defined $count) {
        broken($flow) unless $! == EAGAIN || $! == EINTR;
        return;
    }
    substr($flow->{out}, 0, $count, '');
    frame($flow->{id}, CREDIT, pack('N', $count));
    settle($flow);
}

# What has ended on both sides is over.
sub settle {
    my ($flow) = @_;
    return unless $flow->{far_ended} && $flow->{out} eq '';
    $flow->{shut}++ || shutdown($flow->{socket}, 1);
    drop($flow, 0) if $flow->{near_ended};
}

sub take {
    my ($id, $kind, $bytes) = @_;
    my $flow = $flows{$id} or return;
    if ($kind == DATA) {
        $flow->{out} .= $bytes;
        write_near($flow);
    } elsif ($kind == CREDIT) {
        $flow->{sent} -= unpack('N', $bytes);
    } elsif ($kind == END_OF) {
        $flow->{far_ended} = 1;
        settle($flow);
    } elsif ($kind == RESET) {
        drop($flow, 1);
    }
}

sub take_all {
    while (length $in >= 9) {
        my ($id, $kind, $length) = unpack('NCN', $in);
        last if length $in < 9 + $length;
        my $bytes = substr($in, 9, $length);
        substr($in, 0, 9 + $length, '');
        take($id, $kind, $bytes);
    }
}

sub add { vec($_[0], fileno $_[1], 1) = 1 }
sub has { vec($_[0], fileno $_[1], 1) }

my @listeners = map { listener($_) } @PORTS;
nonblocking(\*STDOUT);
frame(0, READY, '');
while (1) {
    my ($reads, $writes) = ('', '');
    add($reads, \*STDIN);
    add($writes, \*STDOUT) if $out ne '';
    if (keys %flows < $most) { add($reads, $_) for @listeners }
    for my $flow (values %flows) {
        add($reads, $flow->{socket}) if !$flow->{near_ended} && $flow->{sent} < WINDOW;
        add($writes, $flow->{socket}) if $flow->{out} ne '';
    }
    my $count = select($reads, $writes, undef, SILENCE_S);
    next if $count < 0;
    exit 0 if $count == 0;
    if (has($reads, \*STDIN)) {
        my $got = sysread(STDIN, $in, 65536, length $in);
        exit 0 if defined $got ? $got == 0 : $! != EINTR;
        take_all();
    }
    for my $flow (values %flows) {
        my $socket = $flow->{socket};
        read_near($flow) if has($reads, $socket) && !$flow->{near_ended};
        write_near($flow) if $flows{$flow->{id}} && $flow->{out} ne '' && has($writes, $socket);
    }
    for my $door (0 .. $#listeners) {
        accept_from($listeners[$door], $door) if has($reads, $listeners[$door]);
    }
    if ($out ne '') {
        my $gone = syswrite(STDOUT, $out);
        exit 0 if !defined $gone && $! != EAGAIN && $! != EINTR;
        substr($out, 0, $gone, '') if $gone;
    }
}
