package maintenancetest

import "slices"

type region struct{ id, english, chinese string }

// documentedRegions returns the regions of the endpoint page of version 2020-09-30.
func documentedRegions() []region {
	return []region{
		{"cn-hangzhou", "China (Hangzhou)", "华东1（杭州）"},
		{"cn-shanghai", "China (Shanghai)", "华东2（上海）"},
		{"cn-beijing", "China (Beijing)", "华北2（北京）"},
		{"cn-shenzhen", "China (Shenzhen)", "华南1（深圳）"},
		{"cn-guangzhou", "China (Guangzhou)", "华南3（广州）"},
		{"cn-chengdu", "China (Chengdu)", "西南1（成都）"},
		{"cn-qingdao", "China (Qingdao)", "华北1（青岛）"},
		{"cn-zhangjiakou", "China (Zhangjiakou)", "华北3（张家口）"},
		{"cn-wulanchabu", "China (Ulanqab)", "华北6（乌兰察布）"},
		{"cn-nanjing", "China (Nanjing)", "华东5（南京）"},
		{"cn-hongkong", "China (Hong Kong)", "中国香港"},
		{"ap-northeast-1", "Japan (Tokyo)", "日本（东京）"},
		{"ap-southeast-1", "Singapore", "新加坡"},
		{"ap-southeast-2", "Australia (Sydney)", "澳大利亚（悉尼）"},
		{"ap-southeast-5", "Indonesia (Jakarta)", "印度尼西亚（雅加达）"},
		{"ap-southeast-6", "Philippines (Manila)", "菲律宾（马尼拉）"},
		{"ap-southeast-7", "Thailand (Bangkok)", "泰国（曼谷）"},
	}
}

func (s *Service) knowsRegion(id string) bool {
	return slices.ContainsFunc(s.regions, func(r region) bool { return r.id == id })
}

func (s *Service) addRegion(id string) {
	if !s.knowsRegion(id) {
		s.regions = append(s.regions, region{id, id, id})
	}
}

func (s *Service) describeRegions(x *exchange) *failure {
	type document struct{ RegionId, LocalName, RegionEndpoint string }
	documents := make([]document, 0, len(s.regions))
	for _, r := range s.regions {
		name := r.chinese
		switch x.query.Get("AcceptLanguage") {
		case "", "zh":
		case "en":
			name = r.english
		default:
			return invalid("AcceptLanguage")
		}
		documents = append(documents, document{r.id, name, "ecd." + r.id + ".aliyuncs.com"})
	}
	x.result = map[string]any{"RequestId": x.requestID, "Regions": documents}
	return nil
}
