#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mutate.pl check ROOT           does every mutation of mutations.txt still apply? The last line is the sum.
# mutate.pl list                 one line each: index, number, files (","), test, "what is broken"
# mutate.pl apply ROOT INDEX     changes the files under ROOT
use strict;
use warnings;
use File::Basename;

my ($command, $root, $wanted) = @ARGV;
my @mutations;
open(my $in, '<', dirname($0) . '/mutations.txt') or die "mutations.txt: $!\n";
while (my $line = <$in>) {
    chomp $line;
    next if $line =~ /^#/ || $line eq '';
    $line =~ /^([=>@+-]) (.*)$/ or die "mutations.txt:$.: what is this?\n";
    my ($mark, $text) = ($1, $2);
    if ($mark eq '=') { $text =~ /^(\d+) (.*)/ or die "mutations.txt:$.: no number\n"; push @mutations, { number => $1, what => $2, parts => [] }; }
    elsif ($mark eq '>') { $mutations[-1]{test} = $text; }
    elsif ($mark eq '@') { push @{ $mutations[-1]{parts} }, { file => $text }; }
    elsif ($mark eq '-') { $mutations[-1]{parts}[-1]{old} = $text; }
    else { $mutations[-1]{parts}[-1]{new} = $text; }
}

# White space is no matter: words and signs in their order. Braces may have come or gone around a single statement, nothing else.
sub pattern {
    my $re = join '\s*', map { quotemeta } $_[0] =~ /\w+|[^\w\s]/g;
    return qr/(?<!\w)$re(?!\w)/ if $_[0] =~ /^\w.*\w$/;
    return qr/$re/;
}

sub slurp { my $f = shift; open(my $h, '<', $f) or return undef; local $/; return scalar <$h>; }

# The text of the file with the change, or undef and why.
sub changed {
    my ($text, $part) = @_;
    my $re = pattern($part->{old});
    my $n = () = $text =~ /$re/g;
    return (undef, $n ? "found $n times" : 'not found') if $n != 1;
    $text =~ s/$re/$part->{new}/;
    return ($text, '');
}

sub apply {
    my ($m, $write) = @_;
    my %text;
    for my $part (@{ $m->{parts} }) {
        my $file = "$root/$part->{file}";
        $text{$file} //= slurp($file);
        return "$part->{file} is gone" unless defined $text{$file};
        my ($new, $why) = changed($text{$file}, $part);
        return "$part->{file}: $why: $part->{old}" unless defined $new;
        $text{$file} = $new;
    }
    for my $file ($write ? keys %text : ()) {
        open(my $out, '>', $file) or die "$file: $!\n";
        print $out $text{$file};
        close $out;
    }
    return '';
}

if ($command eq 'list') {
    for my $i (0 .. $#mutations) {
        my $m = $mutations[$i];
        my %files = map { $_->{file} => 1 } @{ $m->{parts} };
        print join("\t", $i, $m->{number}, join(',', sort keys %files), $m->{test}, $m->{what}), "\n";
    }
} elsif ($command eq 'apply') {
    my $why = apply($mutations[$wanted], 1);
    die "$why\n" if $why;
} else {
    my ($passed, $failed) = (0, 0);
    for my $m (@mutations) {
        my $why = apply($m, 0);
        my ($program) = split ' ', $m->{test};
        $why = "no test tests/$program.c" if !$why && !-e "$root/tests/$program.c";
        $why ? $failed++ : $passed++;
        print "no longer applies: $m->{number} $m->{what}: $why\n" if $why;
    }
    print "$passed passed, $failed failed\n";
    exit($failed > 0);
}
