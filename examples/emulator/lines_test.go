package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var everyProgram = flag.Bool("programs", false, "run the printed Go programs of emulators with -http and -insecure too")

// The printed Go program compiles, and the emulator accepts its request.
func TestLines_GoProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command, left out by -short")
	}
	t.Parallel()
	emulators := [][]string{{"-desktops", "2"}, {"-http", "-desktops", "2"}, {"-insecure", "-http", "-addr", "0.0.0.0:0", "-name", "emulator", "-desktops", "2"}}
	if !*everyProgram {
		emulators = emulators[:1]
	}
	for _, args := range emulators {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			r := start(t, args...)
			program := regexp.MustCompile(`(?ms)^package main$.*?^}$`).FindString(r.out.String())
			require.NotEmpty(t, program)
			program = strings.ReplaceAll(program, "http://emulator:", "http://127.0.0.1:")
			file := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(file, []byte(program+"\n"), 0o600))

			formatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput()
			require.NoError(t, err, "%s", formatted)
			assert.Empty(t, string(formatted))
			printed, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput() // in the module of this directory
			require.NoError(t, err, "%s", printed)
			assert.Regexp(t, `^&{[0-9A-F-]{36}} <nil>\n$`, string(printed))
		})
	}
}

func TestLines_OfOtherClients(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "it's", "ca.pem")
	require.NoError(t, os.Mkdir(filepath.Dir(ca), 0o700))
	r := start(t, "-ca", ca, "-region", "cn-beijing", "-desktops", "1000")
	port := r.url[strings.LastIndex(r.url, ":"):]
	for _, line := range []string{
		"1000 desktops, ecd-0001 the first one in cn-beijing\n",
		"page for people: " + r.url + "/\n",
		"SSL_CERT_FILE='" + strings.ReplaceAll(ca, "'", `'\''`) + "' aliyun ecd SetDesktopMaintenance --force --endpoint 127.0.0.1" + port + " \\\n",
		"--region cn-beijing \\\n    --RegionId cn-beijing --Mode ENTER --DesktopIds.1 'ecd-0001'\n",
		`endpoint="localhost` + port + `", protocol="HTTPS", ca="` + ca + `"))`,
		`region_id="cn-beijing", mode="ENTER", desktop_ids=["ecd-0001"])).body)`,
	} {
		assert.Contains(t, r.out.String(), line)
	}

	plain := start(t, "-http")
	port = plain.url[strings.LastIndex(plain.url, ":"):]
	for _, line := range []string{
		"\naliyun ecd SetDesktopMaintenance --force --endpoint 127.0.0.1" + port + " --insecure \\\n",
		`endpoint="localhost` + port + `", protocol="HTTP"))`,
	} {
		assert.Contains(t, plain.out.String(), line)
	}
	assert.NotContains(t, plain.out.String(), "SSL_CERT_FILE")
}

// With -insecure clients in other containers use the lines too.
func TestLines_ForOtherContainers(t *testing.T) {
	t.Parallel()
	self, err := os.Hostname()
	require.NoError(t, err)
	for _, tc := range []struct {
		args []string
		host string
	}{
		{nil, self},
		{[]string{"-name", "emulator", "-name", "other"}, "emulator"},
		{[]string{"-name", "192.0.2.1"}, "192.0.2.1"},
	} {
		r := start(t, append([]string{"-http", "-insecure", "-addr", ":0"}, tc.args...)...)
		host := tc.host + r.url[strings.LastIndex(r.url, ":"):]
		for _, line := range []string{
			"\t\tmaintenance.WithInsecureEndpoint(\"http://" + host + "\"),\n",
			"\naliyun ecd SetDesktopMaintenance --force --endpoint " + host + " --insecure \\\n",
			`endpoint="` + host + `", protocol="HTTP"))`,
		} {
			assert.Contains(t, r.out.String(), line)
		}
		assert.True(t, strings.HasPrefix(r.url, "http://127.0.0.1:"), "for people on this machine")
	}
	local := start(t, "-http", "-insecure")
	assert.Contains(t, local.out.String(), `maintenance.WithEndpoint("`+local.url+`")`)
}
