package benchmarks

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// environment is the original environment, for npm. TestMain removes the proxies from that of the process.
var environment = os.Environ()

// TestClients_Node is TestClients_Foreign with @alicloud/openapi-client, the client of Alibaba Cloud's SDKs for Node.js. It
// installs the versions of testdata/node/package-lock.json in a directory of its own.
func TestClients_Node(t *testing.T) {
	if testing.Short() {
		t.Skip("installs packages from the npm registry")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: %v", program, err)
		}
	}
	t.Parallel()
	node := startNode(t)
	for _, c := range []foreignClient{
		{"ACS3, POST", "POST", false, false, node.call},
		{"ACS3, POST with a form", "POST", true, false, node.call},
		{"ACS3, GET", "GET", false, false, node.call},
		{"RPC, POST", "POST", false, true, node.call},
		{"RPC, POST with a form", "POST", true, true, node.call},
		{"RPC, GET", "GET", false, true, node.call},
	} {
		for _, token := range []string{"", "sts *+~%/?&="} {
			t.Run(c.name+"/token="+token, func(t *testing.T) { testForeignClient(t, c, token) })
		}
	}
}

// nodeProcess makes calls with testdata/node/calls.js, one at a time.
type nodeProcess struct {
	in  *json.Encoder
	out *json.Decoder
}

func startNode(t *testing.T) *nodeProcess {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/node")))
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir, install.Env = dir, environment
	output, err := install.CombinedOutput()
	require.NoError(t, err, "npm ci: %s", output)

	node := exec.CommandContext(t.Context(), "node", "calls.js")
	node.Dir, node.Stderr = dir, os.Stderr
	in, err := node.StdinPipe()
	require.NoError(t, err)
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	t.Cleanup(func() {
		in.Close()
		_ = node.Wait() // t.Context has ended, and the process with it
	})
	return &nodeProcess{in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

func (p *nodeProcess) call(c foreignClient, host, secret, token, action string, parameters map[string]string) (map[string]any, error) {
	err := p.in.Encode(map[string]any{
		"id": accessKeyID, "secret": secret, "token": token, "host": host, "rpc": c.rpc,
		"method": c.method, "form": c.form, "action": action, "parameters": parameters,
	})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Reply map[string]any
		Error string
	}
	if err := p.out.Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer.Reply, nil
}
