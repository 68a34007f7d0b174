package rules_test

import (
	"testing"

	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite/fixture"
)

func TestFixtures(t *testing.T) {
	fixture.Run(t, "../../testdata/rules", rules.All())
}
