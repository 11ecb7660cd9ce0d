// Package maintenancetest is an Elastic Desktop Service in memory, for the tests of programs that
// use package maintenance. No account, no socket and no port are needed:
//
//	service := maintenancetest.NewService()
//	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
//	service.Connect("cn-hangzhou", "ecd-2", "alice")
//	client, err := service.NewClient()
//	... // the client sends an ENTER for both
//	service.InMaintenance("cn-hangzhou", "ecd-1") // true
//	service.InMaintenance("cn-hangzhou", "ecd-2") // false: entering, because alice is connected
//	service.Disconnect("cn-hangzhou", "ecd-2")
//	service.InMaintenance("cn-hangzhou", "ecd-2") // true
//
// The service is strict: it checks the signature, the clock, the nonce and the parameters of a
// request, and refuses invalid requests with the codes, statuses and JSON of the API.
// [Service.Inject] makes it slow, throttled, broken or unreachable, [Service.Deny] makes RAM deny
// actions, and [Service.Requests] returns the requests that it got.
//
// A [Service] is an http.Handler: with httptest.NewTLSServer it listens on a socket, for clients in
// any language.
//
// # Requests
//
// The service accepts GET and POST, with the parameters in the query or in a form body
// (application/x-www-form-urlencoded). It refuses a parameter that is given twice, and a body of
// another type, whose parameters it would ignore. Each request has one of the API's two signatures:
//
//   - ACS3-HMAC-SHA256, in the Authorization header, is the signature of package maintenance and of
//     current SDKs.
//   - HMAC-SHA1, SignatureVersion 1.0, in the parameter Signature, is the older signature of RPC
//     requests. The service expects it if a request has no Authorization header and has one of the
//     common parameters: Action, Version, Format, Timestamp, AccessKeyId, SecurityToken, Signature,
//     SignatureMethod, SignatureVersion, SignatureType and SignatureNonce.
//
// The service checks both in the same way, and remembers their nonces together. It answers a wrong
// secret with SignatureDoesNotMatch, a used nonce with SignatureNonceUsed, a time that is more than
// 15 minutes off with InvalidTimeStamp.Expired, another access key with
// InvalidAccessKeyId.NotFound, another security token with InvalidSecurityToken.Malformed, another
// version of the API with InvalidApi.NotFound, another signature method or version with
// IncompleteSignature, and a missing parameter with Missing and its name, for example
// MissingSignatureNonce.
//
// # Maintenance
//
// An accepted ENTER is not maintenance yet, according to Alibaba Cloud's user guide on maintaining
// cloud computers. It sets the flag EnterMaintenance, and from then on no user can connect.
// Connected users stay. When the last of them has left, by [Service.Disconnect] or
// DisconnectDesktopSessions, and the time of [Service.SetTransition] has passed, the flag becomes
// UnderMaintenance. An EXIT removes both flags. The clock is that of [WithClock], or time.Now,
// which is simulated in a bubble of testing/synctest. Nothing runs in the background.
//
// # Operations
//
// The service has SetDesktopMaintenance, DescribeDesktops, DisconnectDesktopSessions and
// DescribeRegions of version 2020-09-30. DescribeDesktops accepts DesktopId.N, Tag.N.Key,
// Tag.N.Value, DesktopGroupId, GroupId, OfficeSiteId, OfficeSiteName, DirectoryId, DesktopName,
// EndUserId.N, DesktopStatus, DesktopStatusList.N, FilterDesktopGroup, OnlyDesktopGroup, MaxResults
// and NextToken. DescribeDesktops and DisconnectDesktopSessions refuse all other parameters, even
// published ones: if one were ignored, a test could pass that fails with the real service. The
// other two operations ignore parameters that they do not have.
//
// # Assumptions
//
// The published pages do not say how the service behaves in the following cases. The double
// assumes:
//
//   - SetDesktopMaintenance is all or nothing: if one desktop is unknown, it changes none.
//   - DisconnectDesktopSessions ends the sessions that exist, even if others of the request do not.
//     A desktop that does not exist makes its sessions invalid, not the request.
//   - While an EXIT's transition lasts, a desktop keeps its flag and refuses users. The transition
//     begins with the request, even if a user is still connected. An ENTER during that time cancels
//     the EXIT.
//   - An ENTER for a desktop that is in maintenance changes nothing.
//   - Users can connect only to a running desktop. Any number of users can be connected to one
//     desktop.
//   - Desktops are listed in the byte order of their IDs. DesktopName and the other filters compare
//     the whole text and its letter case. EndUserId.N selects desktops to which any of these users
//     may connect; a Tag.N without a Value selects by the key; a desktop has to have all tags.
//   - FilterDesktopGroup leaves out pooled desktops, whatever the other filters are: a query for a
//     desktop's ID, for a pool or for OnlyDesktopGroup shows no pooled desktop unless
//     FilterDesktopGroup is false.
//   - A NextToken is valid only for the query that it was made for, though MaxResults may differ,
//     and never expires. TotalCount is counted for the first page. A desktop that is added between
//     two pages is shown if its ID comes later.
//   - The letter case of true and false does not matter: the SDKs for Python and C# send True.
//   - Replies are JSON. An RPC request whose Format is XML or missing, for which the API would
//     answer with XML, is refused with InvalidParameter.
//   - The codes CodeUnknownDesktop, CodeUnknownRegion, CodeWrongRegion and CodeWrongMethod have
//     names that this package has chosen.
package maintenancetest
