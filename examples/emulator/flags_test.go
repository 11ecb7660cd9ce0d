package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlags_Help(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, io.Discard))
	for _, flag := range []string{"addr", "http", "insecure", "ca", "name", "region", "desktops", "users", "state", "latency", "transition", "rate", "fault"} {
		assert.Contains(t, out.String(), "\n  -"+flag)
	}
}

func TestFlags_Values(t *testing.T) {
	t.Parallel()
	defaults, err := parse(nil, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, &settings{host: "127.0.0.1", port: "8443", region: region, desktops: 100}, defaults)

	s, err := parse([]string{"-addr", "[::1]:0", "-ca", "ca.pem", "-name", "a.example", "-name", "::1", "-region", "cn-beijing", "-desktops", "7",
		"-users", "3", "-state", "s.json", "-latency", "20ms", "-transition", "30s", "-rate", "2.5", "-fault", "503:0.05", "-fault", "cut:0.1"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 3, s.burst())
	require.Len(t, s.faults, 2)
	s.faults = nil
	assert.Equal(t, &settings{host: "::1", port: "0", ca: "ca.pem", names: []string{"a.example", "::1"}, region: "cn-beijing", desktops: 7, users: 3,
		state: "s.json", latency: 20 * time.Millisecond, transition: 30 * time.Second, rate: 2.5}, s)

	for addr, host := range map[string]string{":1": "127.0.0.1", "0.0.0.0:1": "127.0.0.1", "[::]:1": "127.0.0.1", "localhost:1": "localhost", "192.0.2.1:1": "192.0.2.1"} {
		s, err := parse([]string{"-addr", addr}, io.Discard)
		require.NoError(t, err)
		assert.Equal(t, host, s.clientHost(), addr)
	}
	for _, addr := range []string{"localhost:1", "127.0.0.9:1", "[::1]:1"} {
		_, err := parse([]string{"-http", "-addr", addr}, io.Discard)
		require.NoError(t, err)
	}
	for _, addr := range []string{":1", "0.0.0.0:1", "emulator:1"} {
		_, err := parse([]string{"-http", "-insecure", "-addr", addr}, io.Discard)
		require.NoError(t, err)
	}
}

func TestFlags_UsageErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"argument", []string{"-users", "1", "serve"}, `unexpected argument "serve"`},
		{"unknown flag", []string{"-bogus"}, "not defined: -bogus"},
		{"flag without its value", []string{"-addr"}, "-addr"},
		{"address without a port", []string{"-addr", "localhost"}, "flag -addr: is not a host and a port"},
		{"port by name", []string{"-addr", "localhost:https"}, "flag -addr: has a port"},
		{"port too large", []string{"-addr", ":65536"}, "flag -addr: has a port"},
		{"host with a space", []string{"-addr", "local host:1"}, "flag -addr: has a host"},
		{"-http for all addresses", []string{"-http", "-addr", ":8080"}, "-http: -addr :8080 is not a loopback address"},
		{"-insecure with TLS", []string{"-insecure"}, "-insecure has no effect without -http"},
		{"-http for a name", []string{"-http", "-addr", "example.com:8080"}, "-http: -addr example.com:8080 is not a loopback address"},
		{"-http for 0.0.0.0", []string{"-http", "-addr", "0.0.0.0:8080"}, "-http: -addr"},
		{"-http with -ca", []string{"-http", "-ca", "x"}, "-ca has no effect with -http"},
		{"-http with -name", []string{"-http", "-name", "x"}, "-name has no effect with -http, unless with -insecure"},
		{"-http with a value", []string{"-http=maybe"}, "-http"},
		{"empty -ca", []string{"-ca", ""}, "flag -ca: is empty"},
		{"name with a space", []string{"-name", "a b"}, "flag -name: is neither"},
		{"bad region", []string{"-region", "evil.com/x#"}, "flag -region: "},
		{"empty region", []string{"-region", ""}, "flag -region: is empty"},
		{"two regions", []string{"-region", "cn-beijing", "-region", "cn-beijing"}, "flag -region: the flag is given twice"},
		{"no desktops", []string{"-desktops", "0"}, "flag -desktops: is not a number from 1 to 100000"},
		{"too many desktops", []string{"-desktops", "100001"}, "flag -desktops: "},
		{"desktops in words", []string{"-desktops", "ten"}, "flag -desktops: "},
		{"fewer users than none", []string{"-users", "-1"}, "flag -users: is not a number from 0 to 10000"},
		{"too many users", []string{"-users", "10001"}, "flag -users: "},
		{"empty -state", []string{"-state", ""}, "flag -state: is empty"},
		{"latency without a unit", []string{"-latency", "5"}, "flag -latency: is not a time from 0s to 10m0s"},
		{"negative latency", []string{"-latency", "-1s"}, "flag -latency: "},
		{"latency too long", []string{"-latency", "11m"}, "flag -latency: "},
		{"negative transition", []string{"-transition", "-1s"}, "flag -transition: "},
		{"transition too long", []string{"-transition", "25h"}, "flag -transition: "},
		{"rate of nothing", []string{"-rate", "0"}, "flag -rate: is not a number above 0"},
		{"negative rate", []string{"-rate", "-1"}, "flag -rate: "},
		{"rate that is no number", []string{"-rate", "NaN"}, "flag -rate: "},
		{"endless rate", []string{"-rate", "Inf"}, "flag -rate: "},
		{"fault without a probability", []string{"-fault", "503"}, "flag -fault: does not end with a probability"},
		{"fault without a status", []string{"-fault", "0.05"}, "flag -fault: does not begin with a status"},
		{"fault that is a success", []string{"-fault", "200:0.05"}, "flag -fault: does not begin with a status"},
		{"fault in words", []string{"-fault", "often:0.05"}, "flag -fault: does not begin with a status"},
		{"probability of nothing", []string{"-fault", "503:0"}, "flag -fault: does not end with a probability"},
		{"probability above 1", []string{"-fault", "503:1.1"}, "flag -fault: does not end with a probability"},
		{"probability that is no number", []string{"-fault", "503:NaN"}, "flag -fault: does not end with a probability"},
		{"probabilities above 1 together", []string{"-fault", "503:0.6", "-fault", "cut:0.5"}, "flag -fault: brings the sum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), tc.args, &out, io.Discard)
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, 2, statusOf(err))
			assert.Empty(t, out.String())
		})
	}
}

func TestFlags_RegionOfTheStateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	e := emulated(t, "-region", "cn-beijing", "-desktops", "2", "-state", path)
	require.NoError(t, e.file.save(e.service))
	err := run(t.Context(), []string{"-state", path}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "-region: "+path+" has no desktop in cn-hangzhou; its first desktop is in cn-beijing")
	assert.Equal(t, 2, statusOf(err))
}
