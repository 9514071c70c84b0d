"""Prometheus text that a scraper can read."""

import re

from litestar_tts.metrics import Metrics

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.+e-]+$')


def test_counters_and_the_histogram():
    metrics = Metrics()
    for seconds in (0.01, 0.05, 0.3, 99.0):
        metrics.speech_opened()
        metrics.first_audio("edge", seconds)
    metrics.speech_closed("edge", "complete", 1000)
    metrics.speech_closed("edge", "left", 10)
    metrics.speech_closed(None, "failed")
    metrics.refused(429)
    text = metrics.render()
    assert "tts_active_streams 1\n" in text
    assert 'tts_speeches_total{engine="edge",outcome="complete"} 1\n' in text
    assert 'tts_speeches_total{engine="none",outcome="failed"} 1\n' in text
    assert 'tts_audio_bytes_total{engine="edge"} 1010\n' in text
    assert 'tts_refused_requests_total{status="429"} 1\n' in text
    buckets = [int(count) for count in re.findall(r'bucket\{engine="edge",le="[^"]+"\} (\d+)', text)]
    assert buckets == sorted(buckets)
    assert buckets[0] == 1
    assert 'le="0.05"} 2\n' in text, "an upper bound belongs to its bucket"
    assert 'le="+Inf"} 4\n' in text
    assert 'tts_first_audio_seconds_sum{engine="edge"} 99.36' in text


def test_every_line_is_of_the_format():
    metrics = Metrics()
    metrics.first_audio('ed"ge\n', 1.0)
    metrics.speech_opened()
    metrics.speech_closed("edge", "complete", 5)
    metrics.fell_back("edge", "piper")
    metrics.breakers["edge"] = lambda: "half-open"
    lines = metrics.render().splitlines()
    assert metrics.render().endswith("\n")
    for line in lines:
        assert line.startswith("# ") or LINE.match(line.replace('\\"', "").replace("\\n", "")), line
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(set(families)) == len(families) == 7
    assert 'tts_fallbacks_total{wanted="edge",engine="piper"} 1' in lines
    assert 'tts_breaker_open{engine="edge"} 0.5' in lines
