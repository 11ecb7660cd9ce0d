package maintenancetest

import (
	"net/http"
	"strings"
)

// Deny makes RAM deny exactly these actions from now on, for example "DescribeDesktops" or
// "ecd:DescribeDesktops". Deny() denies nothing. The service answers a denied request with status
// 403, code Forbidden.RAM and an AccessDeniedDetail.
func (s *Service) Deny(actions ...string) {
	if !s.isMade() {
		return
	}
	denied := make(map[string]bool, len(actions))
	for _, action := range actions {
		denied[strings.TrimPrefix(action, "ecd:")] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = denied
}

func (s *Service) authorize(x *exchange) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.denied[x.action] {
		return nil
	}
	return &failure{http.StatusForbidden, codeDenied, "User not authorized to operate on the specified resource, or this API doesn't support RAM."}
}

// codeDenied is the code of a refusal by RAM, which has an AccessDeniedDetail.
const codeDenied = "Forbidden.RAM"

func accessDeniedDetail(action string) map[string]string {
	return map[string]string{
		"AuthAction":               "ecd:" + action,
		"AuthPrincipalType":        "SubUser",
		"AuthPrincipalDisplayName": "maintenancetest",
		"AuthPrincipalOwnerId":     "100000000000000000",
		"PolicyType":               "AccountLevelIdentityBasedPolicy",
		"NoPermissionType":         "ImplicitDeny",
		"EncodedDiagnosticMessage": "AQAAAABtYWludGVuYW5jZXRlc3Q=",
	}
}
