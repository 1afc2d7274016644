"""A monitor in the Trainer of transformers: the real one, on networks made from configurations."""

from __future__ import annotations

import copy
import os
import re
import warnings
from pathlib import Path

import pytest
import torch

from sdesim import training
from sdesim.errors import RunError
from sdesim.sinks import Csv
from sdesim.training import TrainerMonitor, watch
from sdesim.training.integrations.hugging_face import sources

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()
WORDS, LENGTH, EXAMPLES = 30, 6, 48
# Batches of alike lengths, as the first releases of transformers 5 name them and as later ones do.
_FIELDS = transformers.TrainingArguments.__dataclass_fields__
BY_LENGTH = (
    {"group_by_length": True}
    if "group_by_length" in _FIELDS
    else {"train_sampling_strategy": "group_by_length"}
)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(dropout=0.1, layers=2):
    torch.manual_seed(3)
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=WORDS, n_positions=LENGTH, n_embd=8, n_layer=layers, n_head=2, bos_token_id=0,
            eos_token_id=0, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
        )
    )  # fmt: skip


def examples():
    generator = torch.Generator().manual_seed(0)
    # Rare words and common ones.
    a, b = torch.randint(0, WORDS, (2, EXAMPLES, LENGTH), generator=generator)
    rows = a * b // WORDS
    return [{"input_ids": row, "labels": row} for row in rows]


def trainer(folder, callbacks=(), model=None, **options):
    given = {
        "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "max_steps": 6, "report_to": [],
        "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "logging_steps": 2, "seed": 1,
    } | options  # fmt: skip
    return transformers.Trainer(
        network() if model is None else model, transformers.TrainingArguments(str(folder), **given),
        train_dataset=examples(), eval_dataset=examples()[:8], callbacks=list(callbacks),
    )  # fmt: skip


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"gradient_accumulation_steps": 4, "eval_strategy": "steps", "eval_steps": 2},
        {"bf16": True, "gradient_checkpointing": True},
        {"label_smoothing_factor": 0.1, "max_grad_norm": 0.01, **BY_LENGTH},
    ],
)
def test_one_callback_finds_the_effective_batch_and_leaves_the_training_as_it_was(tmp_path, options):
    callback = TrainerMonitor(budget=None)
    watched = trainer(tmp_path, [callback], **options)
    watched.train()
    drawn = torch.randint(2**60, ())
    alone = trainer(tmp_path, **options)
    alone.train()

    assert isinstance(callback, transformers.TrainerCallback)
    assert same(watched.model, alone.model)
    assert torch.equal(drawn, torch.randint(2**60, ()))
    last = callback.history[-1]
    assert callback.monitor.step == 6
    assert last.batch_size == 4 * options.get("gradient_accumulation_steps", 2)
    assert last.C_1.value == pytest.approx(last.C_alpha.value / last.batch_size)
    assert ("clipped" in last.flags) == ("max_grad_norm" in options)
    assert ("sampler_ignored" in last.flags) == (BY_LENGTH.keys() <= options.keys())
    assert set(last.groups) == {f"transformer.{name}" for name in ("wte", "wpe", "h.0", "h.1", "ln_f")}
    # A schedule from 5e-5 to 0 in six steps: rates of the steps that were made.
    assert last.time == pytest.approx(5e-5 * sum(1 - k / 6 for k in range(last.step)), rel=1e-6)


def test_consolidation_is_that_of_the_whole_set(tmp_path):
    callback = TrainerMonitor(budget=None, window=10_000)
    model = network(dropout=0.0, layers=1)
    held = trainer(
        tmp_path, [callback], model, max_steps=100, learning_rate=1e-15, weight_decay=0.0,
        logging_strategy="no",
    )  # fmt: skip
    held.train()
    rows = []
    for example in examples():
        loss = model(**{name: row[None] for name, row in example.items()}).loss
        rows.append(torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, list(model.parameters()))]))
    g = torch.stack(rows).double()
    mean, squares = g.mean(dim=0), float(g.square().sum(dim=1).mean())
    # Of different examples, as an epoch draws them.
    signal = float(EXAMPLES * mean @ mean - squares) / (EXAMPLES - 1)
    true = signal / ((squares - signal) / 8)

    found = torch.tensor([row[3:5] for row in callback.monitor._readings._rows], dtype=torch.float64)
    difference = found[:, 0] - true * found[:, 1]
    # Five standard errors, less than 6e-7; batches of one epoch only make the mean's smaller. The Trainer
    # divides its loss by all labels, shifted ones too: signal and noise have a factor that C has not.
    error = float(difference.std()) / len(found) ** 0.5
    assert abs(float(difference.mean())) < 5 * error
    assert error < 0.25 * true * float(found[:, 1].mean())
    last = callback.history[-1]
    assert last.batch_size == 8
    assert last.C_alpha.low < float(found[:, 0].mean() / found[:, 1].mean()) < last.C_alpha.high


def classifier():
    torch.manual_seed(3)
    return transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=WORDS, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=LENGTH, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip


def llama():
    torch.manual_seed(3)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=WORDS, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
        )
    )


@pytest.mark.parametrize("made", [lambda: network(dropout=0.0), classifier, llama])
def test_examples_of_one_batch_are_read_as_their_single_gradients_have_them(made):
    model = made()
    rows = torch.stack([example["input_ids"] for example in examples()[:5]])
    labels = torch.tensor([0, 1, 1, 0, 1]) if made is classifier else rows
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
    monitor = watch(model, optimizer, budget=None)
    for _ in range(2):
        optimizer.zero_grad()
        model(input_ids=rows, labels=labels).loss.backward()
        optimizer.step()
    singles = []
    for i in range(5):
        loss = model(input_ids=rows[i : i + 1], labels=labels[i : i + 1]).loss
        found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        singles.append(torch.cat([g.reshape(-1) for g in found if g is not None]).double())

    c = torch.stack(singles) / 5
    whole, squares = float(c.sum(dim=0).square().sum()), float(c.square().sum())
    last = monitor.history[-1]
    assert last.signal == pytest.approx((whole - squares) / 0.8, rel=1e-4)
    assert last.noise == pytest.approx(whole - (whole - squares) / 0.8, rel=1e-4)
    assert monitor.reasons == {}


def test_what_takes_passes_of_its_own_is_bought_of_the_trainers_own_loss_and_sets(tmp_path):
    options = {
        "max_steps": 33, "gradient_accumulation_steps": 1, "label_smoothing_factor": 0.1,
        "logging_strategy": "no",
    }  # fmt: skip
    callback = TrainerMonitor(budget=None)
    watched = trainer(tmp_path, [callback], **options)
    watched.train()
    alone = trainer(tmp_path, **options)
    alone.train()

    assert same(watched.model, alone.model)
    found = {name for m in callback.history for name in m.estimates}
    assert "gradient_agreement" in found
    assert callback.monitor.reasons == {}


def test_a_trainer_with_a_loss_of_its_users_own_is_not_asked_for_it(tmp_path):
    class Own(transformers.Trainer):
        def compute_loss(self, model, inputs, **given):
            return super().compute_loss(model, inputs, **given)

    made = trainer(tmp_path)
    loader = made.get_train_dataloader()
    assert set(sources(made, loader)) == {"loader", "heldout"}
    made.__class__ = Own
    assert sources(made, loader) == {}
    assert sources(None, loader) == {}


def test_a_training_that_goes_on_goes_on_in_steps_history_and_time(tmp_path):
    whole, first = TrainerMonitor(budget=None), TrainerMonitor(budget=None)
    straight = trainer(tmp_path / "a", [whole], save_strategy="steps", save_steps=3)
    straight.train()
    for restored in (False, True):
        resumed = trainer(tmp_path / "b", [first], restore_callback_states_from_checkpoint=restored)
        resumed.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))

        assert same(straight.model, resumed.model)
        assert first.monitor.step == 6
        # The step after the checkpoint is made before anything is attached.
        assert [m.step for m in first.history] == [m.step for m in whole.history if m.step != 3]
        assert first.history[1].C_alpha == whole.history[1].C_alpha
        assert first.history[-1].time == whole.history[-1].time
    # A fit from the start has a history of its own.
    resumed.train()
    assert [m.step for m in first.history] == [m.step for m in whole.history]
    assert len(first.earlier) == 2


def test_a_checkpoint_made_without_a_monitor_tells_the_step(tmp_path):
    trainer(tmp_path / "a", save_strategy="steps", save_steps=3).train()
    callback = TrainerMonitor(budget=None)
    resumed = trainer(tmp_path / "b", [callback], save_strategy="steps", save_steps=3)

    with pytest.warns(UserWarning, match="earlier readings are lost: the checkpoint has none"):
        resumed.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))

    assert callback.monitor.step == 6
    assert callback.history[0].step == 4
    assert "time_from_resume" in callback.history[0].flags


def test_readings_are_in_the_trainers_own_logs(tmp_path, monkeypatch):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    callback = TrainerMonitor(budget=None)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "logs"))
    made = trainer(tmp_path, [callback], report_to=["tensorboard"])
    made.train()

    logs = [row for row in made.state.log_history if "sdesim/C_alpha" in row]
    # A step is told when the next one's gradient has been read, at the latest.
    assert [row["step"] for row in logs][-2:] == [4, 6]
    for row in logs:
        told = {m.C_alpha.value for m in callback.history if row["step"] - 3 < m.step < row["step"]}
        assert row["sdesim/C_alpha"] in told
    written = events.EventAccumulator(str(tmp_path / "logs"))
    written.Reload()
    scalars = written.Scalars("train/sdesim/C_alpha")
    assert [s.step for s in scalars] == [row["step"] for row in logs]
    assert [s.value for s in scalars] == pytest.approx([row["sdesim/C_alpha"] for row in logs], rel=1e-6)
    assert not any(name.startswith("sdesim/") for name in made.state.log_history[-1])


def test_a_fit_that_dies_leaves_nothing_behind_for_the_next(tmp_path):
    class Dies(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            raise KeyboardInterrupt

    callback = TrainerMonitor(budget=None, sinks=[Csv(str(tmp_path / "log.csv"))])
    made = trainer(tmp_path, [callback, Dies()])
    with pytest.raises(KeyboardInterrupt):
        made.train()
    made.pop_callback(Dies)
    made.train()

    assert [m.step for m in callback.history] == [1, 2, 3, 4, 5]
    assert len(made.optimizer.optimizer._optimizer_step_pre_hooks) == 0
    assert not any(p._backward_hooks for p in made.model.parameters())
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 6


def test_adapters_alone_are_read(tmp_path):
    peft = pytest.importorskip("peft")

    def adapted():
        plan = peft.LoraConfig(r=2, target_modules=["c_attn"], lora_dropout=0.1, fan_in_fan_out=True)
        return peft.get_peft_model(network(), plan)

    callback = TrainerMonitor(budget=None)
    watched = trainer(tmp_path, [callback], adapted())
    watched.train()
    alone = trainer(tmp_path, model=adapted())
    alone.train()

    assert same(watched.model, alone.model)
    assert set(callback.history[-1].groups) == {"transformer.h.0", "transformer.h.1"}
    assert callback.history[-1].batch_size == 8


def test_a_loop_of_accelerate_is_watched_as_any_other():
    accelerate = pytest.importorskip("accelerate")

    def train(watched):
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
        tool = accelerate.Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=3)
        model = network()
        data = torch.utils.data.DataLoader(examples(), batch_size=4)
        model, optimizer, data = tool.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3), data)
        monitor = watch(model, optimizer, budget=None) if watched else None
        torch.manual_seed(1)
        for _ in range(2):
            for batch in data:
                with tool.accumulate(model):
                    tool.backward(model(**batch).loss)
                    if tool.sync_gradients:
                        tool.clip_grad_norm_(model.parameters(), 0.1)
                    optimizer.step()
                    optimizer.zero_grad()
        return model, monitor

    (model, monitor), (alone, _) = train(True), train(False)

    assert same(model, alone)
    assert monitor.step == 8
    assert {m.batch_size for m in monitor.history} == {12}
    assert "clipped" in monitor.history[-1].flags


def test_a_monitor_that_is_given_is_stepped_at_the_rate_of_the_step(tmp_path):
    class Counted:
        def __init__(self):
            self.rates, self.closed, self.history = [], 0, []

        def begin_at(self, step):
            self.began = step

        def step(self):
            self.rates.append(made.optimizer.param_groups[0]["lr"])

        def close(self):
            self.closed += 1

    counted = Counted()
    made = trainer(tmp_path, [TrainerMonitor(counted)], save_strategy="steps", save_steps=4)
    made.train()
    assert counted.rates == pytest.approx([5e-5 * (1 - k / 6) for k in range(6)])
    assert counted.closed == 1
    made.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert counted.began == 4
    assert len(counted.rates) == 8


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"budgte": 0.1}, "TrainerMonitor: found budgte, allowed: loss"),
        ({"budget": 2.0}, "budget: found 2.0"),
        ({"monitor": 3, "window": 5}, "found a monitor and window, allowed: one of them"),
    ],
)
def test_bad_input_is_refused_when_the_callback_is_made(given, line):
    with pytest.raises(RunError, match=line) as told:
        TrainerMonitor(**given)
    assert "\n" not in str(told.value)


def test_a_training_goes_on_where_nothing_can_be_watched(tmp_path):
    model = network()
    foreign = torch.optim.SGD(network().parameters(), lr=0.1)
    callback = TrainerMonitor()
    made = trainer(tmp_path, [callback], model)
    made.optimizer = foreign

    with pytest.warns(UserWarning, match="the training is not watched: .*not the model's"):
        made.train()

    assert made.state.global_step == 6
    assert callback.history == []


def test_the_line_of_the_guide_runs(tmp_path):
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "monitoring.md").read_text(encoding="utf-8")
    arguments = transformers.TrainingArguments(str(tmp_path), max_steps=2, report_to=[], use_cpu=True)
    space = {"transformers": transformers, "training": training, "data": examples(), "model": network()}
    for code in re.findall(r"```py\n(trainer = transformers.*?)```", guide, re.S):
        exec(code, space | {"arguments": arguments}, made := {})

    assert made["trainer"].state.global_step == 2
    assert any(isinstance(one, TrainerMonitor) for one in made["trainer"].callback_handler.callbacks)


def test_a_copy_is_one_more_callback_with_the_same_keywords():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = TrainerMonitor(window=7)
        other = copy.deepcopy(one)

    assert other is not one
    assert other._keywords == {"window": 7}
    assert isinstance(other, TrainerMonitor)
