using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Puts a LoRA or DoRA adapter together: the same steps for a fresh one and for one from a file.</summary>
internal sealed class LoraBuilder(string name, LanguageModel model, AdapterMethod method, LoraSettings settings, ITensorMaker maker, AdapterFile? file, CounterRandom random = default)
{
    private readonly Dictionary<Site, SiteAdapter> changes = [];
    private readonly List<(string Key, Parameter Parameter, StoredType Type)> stored = [];
    private readonly List<TensorToWrite> raw = [];
    private readonly List<Parameter> owned = [];
    private readonly List<string> adapted = [];
    private readonly List<string> warnings = [.. settings.Warnings];
    private readonly Dictionary<string, LowRankSite> started = [];
    private long expected;

    public TrainedAdapter Build()
    {
        try
        {
            return BuildAll();
        }
        catch
        {
            foreach (Parameter parameter in owned)
            {
                parameter.Dispose();
            }
            throw;
        }
    }

    private TrainedAdapter BuildAll()
    {
        IReadOnlyList<ModulePath> modules = ModulePath.Of(model);
        ModuleMatch match = settings.Matcher.Match(modules);
        warnings.AddRange(match.Warnings);
        foreach (MatchedModule module in WithTied(match.Adapted))
        {
            AddPair(module);
        }
        foreach (ModulePath module in match.SavedWhole)
        {
            AddWhole(module.Path);
        }
        AddTokens();
        if (settings.Bias == "all")
        {
            AddOtherBiases();
        }
        TakeRest();
        JsonObject config = (JsonObject)settings.Config.Json.DeepClone();
        config.Remove(LoraOptions.Convert);
        PatternOrder.Settle(config, settings, modules, match, model.Config.ModelType);
        string[] said = [.. warnings, .. file?.Warnings ?? []];
        TrainedAdapter adapter = settings.TakesOver && file is null && settings.Converts
            ? new StartedAdapter(name, model, method, config, started) { Warnings = said, AdaptedModules = adapted, ExpectedParameterCount = expected }
            : new TrainedAdapter(name, model, method, config) { Warnings = said, AdaptedModules = adapted, ExpectedParameterCount = expected };
        foreach ((Site site, SiteAdapter change) in changes)
        {
            adapter.Set(site, change);
        }
        foreach ((string key, Parameter parameter, StoredType type) in stored)
        {
            adapter.Store(key, parameter, type);
        }
        foreach (TensorToWrite tensor in raw)
        {
            adapter.Store(tensor);
        }
        return adapter;
    }

    /// <summary>With ensure_weight_tying a tied embedding brings the head with it, and the other way round.</summary>
    private IEnumerable<MatchedModule> WithTied(IReadOnlyList<MatchedModule> modules)
    {
        LinearSite? head = TiedHead();
        bool embedding = modules.Any(m => m.Path == model.Embedding.Name), ofHead = head is not null && modules.Any(m => m.Path == head.Name);
        if (!settings.EnsureTying || head is null || embedding == ofHead)
        {
            return modules;
        }
        if (file is null)
        {
            throw settings.Config.Unsupported("ensure_weight_tying of a low-rank change is only read, not made: use modules_to_save for a tied table");
        }
        MatchedModule one = modules.First(m => m.Path == model.Embedding.Name || m.Path == head.Name);
        return [.. modules, one with { Path = embedding ? head.Name : model.Embedding.Name, Kind = embedding ? ModuleKind.Head : ModuleKind.Embedding }];
    }

    private LinearSite? TiedHead() => model.Head.Sites[0] is { Tied: true } head ? head : null;

    private void AddPair(MatchedModule module)
    {
        if (module.Stacked is not null)
        {
            AddStacked(module);
            return;
        }
        Site site = model.Find(module.Path) ?? throw settings.Config.Bad($"{module.Path} is not in the base.");
        adapted.Add(module.Path);
        // r (inputs + outputs), and one number an output for DoRA's magnitude, for B's bias, and for a trained bias; MiCA trains A alone.
        int inputs = site is EmbeddingSite table ? table.Weight.Outputs : site.Inputs;
        bool linearSite = site is LinearSite, bias = settings.Bias != "none" && site is LinearSite { Bias: not null };
        expected += ((long)module.Rank * (inputs + (settings.FreezesB ? 0 : site.Outputs)))
            + ((long)site.Outputs * ((settings.Dora ? 1 : 0) + (linearSite && settings.FactorBias ? 1 : 0) + (bias ? 1 : 0)));
        SiteAdapter change = site switch
        {
            LinearSite linear => LinearPair(linear, module),
            EmbeddingSite embedding => EmbeddingPair(embedding, module),
            _ => throw settings.Config.Bad($"{module.Path} is no linear layer or embedding; expected one of these."),
        };
        changes.Add(site, change);
        TakeBase(site);
    }

    /// <summary>One pair of factors for a stacked parameter: A [experts * r, inputs] expert after expert, B [outputs, r * experts] rank after rank.</summary>
    private void AddStacked(MatchedModule module)
    {
        if (settings.Dora || settings.FactorBias || settings.Dropout != 0)
        {
            throw settings.Config.Unsupported($"use_dora, lora_bias and lora_dropout do not work on {module.Path}, a stacked parameter of experts: leave them out, or target the experts' layers by name");
        }
        RefuseStart(module.Path, "a stacked parameter of experts");
        string path = module.Path.EndsWith(".base_layer", StringComparison.Ordinal) ? module.Path[..^".base_layer".Length] : module.Path;
        ExpertStack stack = model.ExpertStacks.First(s => s.Path == path);
        IReadOnlyList<IReadOnlyList<LinearSite>> experts = stack.Layers(module.Stacked!);
        int inputs = experts[0][0].Inputs, outputs = experts[0].Sum(site => site.Outputs);
        long stackedRank = (long)module.Rank * experts.Count;
        if (module.Rank > (long)inputs + outputs || stackedRank * Math.Max(inputs, outputs) > int.MaxValue)
        {
            throw settings.Config.Bad($"r = {module.Rank} at {module.Path}, {experts.Count} experts of [{outputs}, {inputs}]: expected at most {(long)inputs + outputs}.");
        }
        adapted.Add(module.Path);
        expected += stackedRank * (inputs + outputs);
        Parameter a = Own(LoraKeys.Of(module.Path, LoraKeys.A), new Shape((int)stackedRank, inputs));
        Parameter b = Own(LoraKeys.Of(module.Path, LoraKeys.B), new Shape(outputs, (int)stackedRank));
        StackedPair pair = new(a, b, experts.Count, settings.Scale(module));
        for (int e = 0; e < experts.Count; e++)
        {
            int row = 0;
            foreach (LinearSite site in experts[e])
            {
                // The first of them owns the factors that all share.
                changes.Add(site, new StackedSite(pair, e, row, site.Outputs, owner: e == 0 && row == 0));
                row += site.Outputs;
            }
        }
    }

    private SiteAdapter LinearPair(LinearSite site, MatchedModule module)
    {
        if (file is not null)
        {
            PairCheck.Run(file, site.Name, LoraKeys.A, LoraKeys.B, site.Inputs, site.Outputs, module.Rank, settings.Pooled);
        }
        LowRankPair pair = Pair(site.Name, LoraKeys.A, LoraKeys.B, site.Inputs, site.Outputs, module);
        Parameter? bias = settings.Bias != "none" && site.Bias is not null ? Copy(LoraKeys.Of(site.Name, LoraKeys.BaseBias), site.Bias) : null;
        if (settings.Dora)
        {
            return new DoraSite(pair, Magnitude(site.Name, site.Weight, pair, transposed: false), settings.Dropout, bias);
        }
        RefuseMagnitude(site.Name);
        Parameter? factorBias = settings.FactorBias ? Own(LoraKeys.Of(site.Name, LoraKeys.FactorBias), new Shape(site.Outputs)) : null;
        LowRankSite change = new(pair, settings.Dropout, factorBias, bias, settings.TakesOver ? Start(site, pair) : null);
        started.Add(pair.A.Name, change);
        started.Add(pair.B.Name, change);
        return change;
    }

    /// <summary>What the factors took over from the weight: from the file where it is there, else from the weight; of a fresh pair A and B too.</summary>
    private LowRankPair Start(LinearSite site, LowRankPair pair)
    {
        string keyA = LoraKeys.Of(site.Name, LoraKeys.StartA), keyB = LoraKeys.Of(site.Name, LoraKeys.StartB);
        LowRankPair start;
        bool kept = file is not null && (file.Has(keyA) || file.Has(keyB));
        if (kept)
        {
            start = new LowRankPair(file!.Take(keyA, pair.A.Shape, out _), file.Take(keyB, pair.B.Shape, out _), pair.Scale);
        }
        else
        {
            start = new LowRankPair(new Parameter(keyA, Storage.Zeros(pair.A.Shape)), new Parameter(keyB, Storage.Zeros(pair.B.Shape)), pair.Scale);
            Split(site, start);
        }
        // Freed with the rest where the adapter is never finished.
        owned.Add(start.A);
        owned.Add(start.B);
        start.A.Trainable = start.B.Trainable = false;
        if (file is null)
        {
            start.A.Value.Span.CopyTo(pair.A.Value.Span);
            start.B.Value.Span.CopyTo(pair.B.Value.Span);
        }
        if (kept || (file is null && !settings.Converts))
        {
            foreach (Parameter factor in (Parameter[])[start.A, start.B])
            {
                raw.Add(TensorToWrite.Single(factor.Name, [factor.Value.Rows, factor.Value.Width], factor.Value.Span.ToArray()));
            }
        }
        return start;
    }

    private void Split(LinearSite site, LowRankPair start)
    {
        if (start.Rank > Math.Min(site.Outputs, site.Inputs))
        {
            throw settings.Config.Bad($"r = {start.Rank} at {site.Name}, a matrix [{site.Outputs}, {site.Inputs}] with no more than {Math.Min(site.Outputs, site.Inputs)} components: init_lora_weights pissa and olora need r up to that.");
        }
        if (settings.Start == LoraStartKind.Orthonormal)
        {
            PrincipalStart.Orthonormal(site.Weight, start.Rank, start.A.Value.Span, start.B.Value.Span);
            return;
        }
        if (file is not null && settings.Iterations is not null)
        {
            throw settings.RawStart("it starts from a random basis that is not in the file, so the residual cannot be rebuilt");
        }
        PrincipalStart.Principal(site.Weight, start.Rank, start.Scale, settings.Iterations, random.Named(start.A.Name), start.A.Value.Span, start.B.Value.Span);
    }

    private void RefuseStart(string path, string what)
    {
        if (settings.TakesOver)
        {
            throw settings.Config.Unsupported($"init_lora_weights '{settings.Config.Text("init_lora_weights")}' works on linear layers; {path} is {what}");
        }
    }

    private LowRankEmbeddingSite EmbeddingPair(EmbeddingSite site, MatchedModule module)
    {
        RefuseStart(site.Name, "an embedding");
        int vocabulary = site.Weight.Outputs, hidden = site.Weight.Inputs;
        if (file is not null)
        {
            PairCheck.Run(file, site.Name, LoraKeys.EmbeddingA, LoraKeys.EmbeddingB, vocabulary, hidden, module.Rank, pooled: false);
        }
        LowRankPair pair = Pair(site.Name, LoraKeys.EmbeddingA, LoraKeys.EmbeddingB, vocabulary, hidden, module);
        if (settings.Dora)
        {
            return new LowRankEmbeddingSite(pair, Magnitude(site.Name, site.Weight, pair, transposed: true));
        }
        RefuseMagnitude(site.Name);
        return new LowRankEmbeddingSite(pair);
    }

    private LowRankPair Pair(string path, string keyA, string keyB, int inputs, int outputs, MatchedModule module)
    {
        if (module.Rank > (long)inputs + outputs)
        {
            throw settings.Config.Bad($"r = {module.Rank} at {path}, which is [{outputs}, {inputs}]: expected at most {(long)inputs + outputs}.");
        }
        Parameter a = Own(LoraKeys.Of(path, keyA), new Shape(module.Rank, inputs));
        Parameter b = Own(LoraKeys.Of(path, keyB), new Shape(outputs, module.Rank));
        if (settings.FreezesB)
        {
            b.Trainable = false;
        }
        return new LowRankPair(a, b, settings.Scale(module));
    }

    private Parameter Magnitude(string path, Weight weight, LowRankPair pair, bool transposed)
    {
        string key = LoraKeys.Of(path, LoraKeys.Magnitude);
        if (file is not null && !file.Has(key))
        {
            throw file.Bad($"use_dora is true, but {key} is missing.");
        }
        int length = transposed ? weight.Inputs : weight.Outputs;
        return Keep(key, maker.Copy(key, new Shape(length), to => DirectionNorm.Lengths(weight, pair, transposed, to), out StoredType type), type);
    }

    private void RefuseMagnitude(string path)
    {
        string key = LoraKeys.Of(path, LoraKeys.Magnitude);
        if (file?.Has(key) == true)
        {
            throw file.Bad($"{key} is in the file, but use_dora is false.");
        }
    }

    private void AddWhole(string path)
    {
        LinearSite? tied = settings.EnsureTying ? TiedHead() : null;
        foreach (Site site in model.Sites)
        {
            if ((site.Name != path && !site.Name.StartsWith(path + ".", StringComparison.Ordinal)) || site is OutputSite)
            {
                continue;
            }
            if (changes.TryGetValue(site, out SiteAdapter? before))
            {
                if (before is ReplacedWeightSite or ReplacedNormSite)
                {
                    continue;
                }
                throw settings.Config.Bad($"{site.Name} is both adapted and in modules_to_save; expected one of them.");
            }
            bool ties = tied is not null && (site == tied || site is EmbeddingSite);
            changes.Add(site, Whole(site));
            expected += site.Tensors.Where(t => t.Vector is not null).Sum(t => t.Vector!.Value.Shape.Length);
            expected += site is NormSite ? 0 : (long)site.Outputs * (site is EmbeddingSite table ? table.Weight.Outputs : site.Inputs);
            if (ties)
            {
                ShareTable(tied!, site);
            }
        }
    }

    private SiteAdapter Whole(Site site)
    {
        if (site is NormSite norm)
        {
            return new ReplacedNormSite(
                Copy(LoraKeys.Of(site.Name, ".weight"), norm.Weight), norm.Bias is null ? null : Copy(LoraKeys.Of(site.Name, ".bias"), norm.Bias));
        }
        if (site is LinearSite { Transposed: true })
        {
            throw settings.Config.Unsupported($"modules_to_save of {site.Name}, whose matrix the base stores as [inputs, outputs], is not built yet");
        }
        Weight weight = (site as LinearSite)?.Weight ?? ((EmbeddingSite)site).Weight;
        string key = LoraKeys.Of(site.Name, ".weight");
        Parameter own = maker.Copy(
            key,
            new Shape(weight.Outputs, weight.Inputs),
            to =>
            {
                for (int row = 0; row < weight.Outputs; row++)
                {
                    weight.Read(row, to.Slice(row * weight.Inputs, weight.Inputs));
                }
            },
            out StoredType type);
        Keep(key, own, type);
        Parameter? bias = (site as LinearSite)?.Bias;
        return new ReplacedWeightSite(new TrainableWeight(own), bias is null ? null : Copy(LoraKeys.Of(site.Name, ".bias"), bias));
    }

    /// <summary>One table for embedding and head, under both names in the file.</summary>
    private void ShareTable(LinearSite head, Site first)
    {
        Site second = first == head ? model.Embedding : head;
        if (changes.ContainsKey(second))
        {
            return;
        }
        TrainableWeight table = ((ReplacedWeightSite)changes[first]).Weight;
        string key = LoraKeys.Of(second.Name, ".weight");
        StoredType type = StoredType.F32;
        if (file?.Has(key) == true)
        {
            using Parameter copy = file.Take(key, table.Parameter.Shape, out type);
            if (!copy.Value.Span.SequenceEqual(table.Parameter.Value.Span))
            {
                throw file.Bad($"{key} differs from {LoraKeys.Of(first.Name, ".weight")}; with ensure_weight_tying they are one table.");
            }
        }
        stored.Add((key, table.Parameter, type));
        changes.Add(second, new ReplacedWeightSite(table, null, shared: true));
    }

    private void AddTokens()
    {
        foreach ((string suffix, int[] tokens) in settings.Tokens)
        {
            Site[] sites = suffix.Length == 0
                ? [model.Embedding]
                : [.. model.Sites.Where(s => s is EmbeddingSite or LinearSite && (s.Name == suffix || s.Name.EndsWith("." + suffix, StringComparison.Ordinal)))];
            if (sites.Length == 0)
            {
                throw settings.Config.Bad($"trainable_token_indices names {suffix}, which is no embedding or linear layer of the base.");
            }
            foreach (Site site in sites)
            {
                AddTokens(site, tokens);
            }
        }
    }

    private void AddTokens(Site site, int[] tokens)
    {
        (int rows, int width) = site is EmbeddingSite embedding ? (embedding.Weight.Outputs, embedding.Weight.Inputs) : (site.Outputs, site.Inputs);
        if (tokens.Max() >= rows)
        {
            throw settings.Config.Bad($"trainable_token_indices has token {tokens.Max()}; {site.Name} has {rows} rows.");
        }
        Weight weight = (site as EmbeddingSite)?.Weight ?? ((LinearSite)site).Weight;
        string key = LoraKeys.Of(site.Name, LoraKeys.TokenRows);
        Parameter own = maker.Copy(
            key,
            new Shape(tokens.Length, width),
            to =>
            {
                for (int i = 0; i < tokens.Length; i++)
                {
                    weight.Read(tokens[i], to.Slice(i * width, width));
                }
            },
            out StoredType type);
        Keep(key, own, type);
        expected += (long)tokens.Length * width;
        SetTokens(site, new TokenRowsSite(tokens, own));
        if (site is EmbeddingSite && TiedHead() is { } head && !settings.Tokens.Any(t => t.Module.Length > 0 && head.Name.EndsWith(t.Module, StringComparison.Ordinal)))
        {
            SetTokens(head, new TokenRowsSite(tokens, own, shared: true));
        }
    }

    private void SetTokens(Site site, TokenRowsSite change)
    {
        if (!changes.TryAdd(site, change))
        {
            throw settings.Config.Unsupported($"trainable_token_indices of {site.Name}, which is adapted or saved whole too, is not built yet");
        }
        adapted.Add(site.Name + ".token_adapter");
    }

    private void AddOtherBiases()
    {
        foreach (Site site in model.Sites)
        {
            if (!changes.ContainsKey(site) && site is LinearSite { Bias: { } bias })
            {
                expected += site.Outputs;
                changes.Add(site, new BiasSite(Copy(LoraKeys.Of(site.Name, ".bias"), bias)));
            }
            else if (!changes.ContainsKey(site) && site is NormSite { Bias: { } shift })
            {
                expected += site.Outputs;
                changes.Add(site, new ReplacedNormSite(null, Copy(LoraKeys.Of(site.Name, ".bias"), shift)));
            }
        }
    }

    /// <summary>The base's own table, which PEFT stores beside a targeted embedding or head: it must be this base's.</summary>
    private void TakeBase(Site site)
    {
        string key = LoraKeys.Of(site.Name, LoraKeys.BaseWeight);
        if (file?.Has(key) != true)
        {
            return;
        }
        Weight weight = (site as EmbeddingSite)?.Weight ?? ((LinearSite)site).Weight;
        TensorToWrite bytes = BaseTable.Check(file, key, weight);
        raw.Add(bytes);
    }

    /// <summary>What only training reads is kept; buffers that belong to no module are left out with a warning.</summary>
    private void TakeRest()
    {
        foreach (string key in file?.Keys.ToArray() ?? [])
        {
            if (LoraKeys.TrainingOnly.Any(t => key.Contains(t, StringComparison.Ordinal)))
            {
                raw.Add(file!.TakeRaw(key));
            }
            else if (!key.Contains("lora_", StringComparison.Ordinal) && key[(key.LastIndexOf('.') + 1)..] is not ("weight" or "bias" or "trainable_tokens_delta"))
            {
                file!.TakeRaw(key);
                file.Warnings.Add($"{file.Path}: the tensor {key} belongs to no module and was left out");
            }
        }
    }

    private Parameter Own(string key, Shape shape) => Keep(key, maker.Own(key, shape, out StoredType type), type);

    private Parameter Copy(string key, Parameter source) =>
        Keep(key, maker.Copy(key, source.Shape, to => source.Value.Span.CopyTo(to), out StoredType type), type);

    private Parameter Keep(string key, Parameter parameter, StoredType type)
    {
        owned.Add(parameter);
        stored.Add((key, parameter, type));
        return parameter;
    }
}
