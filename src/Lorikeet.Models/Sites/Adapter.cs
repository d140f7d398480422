using System.Runtime.ExceptionServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A whole adapter: what it does at which sites, and the parts of a model it replaces or observes.</summary>
/// <remarks>Built for one model; a row of a batch brings at most one. Methods are built from these parts and never write a base weight.</remarks>
public class Adapter : IDisposable
{
    private readonly SiteAdapter?[] sites;
    private readonly SiteForm?[] forms;
    private readonly bool[] lowered;
    private Parameter[] kept = [];
    private bool isSealed;

    /// <summary>An adapter without changes; add them with <see cref="Set"/>.</summary>
    /// <param name="name">Its name in messages and requests.</param>
    /// <param name="model">The model it is made for.</param>
    public Adapter(string name, LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Name = name;
        Model = model;
        sites = new SiteAdapter?[model.Sites.Count];
        forms = new SiteForm?[model.Sites.Count];
        lowered = new bool[model.Sites.Count];
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The model it is made for.</summary>
    public LanguageModel Model { get; }

    /// <summary>How its low-rank factors are kept in batched forms; setting another forgets the forms made so far.</summary>
    /// <value><see cref="FactorStorage.Exact"/>.</value>
    public FactorStorage Factors
    {
        get;
        set
        {
            if (field != value)
            {
                field = value;
                ForgetForms();
            }
        }
    }

    /// <summary>A network that observes each block's output and answers at the end, or null.</summary>
    public ISideNetwork? Side { get; init; }

    /// <summary>A head that tells classes of sequences, or null; the adapter owns it.</summary>
    /// <exception cref="InvalidOperationException">It has one already.</exception>
    public ClassHead? Classifier
    {
        get;
        set => field = field is null ? value : throw new InvalidOperationException($"{Name} already has a classification head");
    }

    /// <summary>The change at a site, or null.</summary>
    /// <param name="site">A site of the model.</param>
    public SiteAdapter? this[Site site] => sites[site.Index];

    /// <summary>The sites with a change, in the model's order.</summary>
    public IEnumerable<(Site Site, SiteAdapter Change)> Changes
    {
        get
        {
            for (int i = 0; i < sites.Length; i++)
            {
                if (sites[i] is { } change)
                {
                    yield return (Model.Sites[i], change);
                }
            }
        }
    }

    /// <summary>All parameters, in the model's order of sites; those of a side network, of mixers and of a classification head last.</summary>
    public IEnumerable<Parameter> Parameters
    {
        get
        {
            foreach ((_, SiteAdapter change) in Changes)
            {
                foreach (Parameter parameter in change.Parameters)
                {
                    yield return parameter;
                }
            }
            if (Side is not null)
            {
                foreach (Parameter parameter in Side.Parameters)
                {
                    yield return parameter;
                }
            }
            for (int layer = 0; layer < Model.Blocks.Count; layer++)
            {
                if (Mixer(layer) is { } mixer)
                {
                    foreach (Parameter parameter in mixer.Parameters)
                    {
                        yield return parameter;
                    }
                }
            }
            if (Classifier is not null)
            {
                yield return Classifier.Weight;
            }
        }
    }

    /// <summary>Numbers that are trained.</summary>
    public long ParameterCount
    {
        get
        {
            long count = 0;
            foreach (Parameter parameter in Parameters)
            {
                count += parameter.Trainable ? parameter.Shape.Length : 0;
            }
            return count;
        }
    }

    /// <summary>The mixer that takes a block's own mixer's place for this adapter's rows, or null.</summary>
    /// <param name="layer">The block.</param>
    public virtual IMixer? Mixer(int layer) => null;

    /// <summary>Puts a change at a site; the adapter owns it.</summary>
    /// <param name="site">A site of the model.</param>
    /// <param name="change">The change.</param>
    public void Set(Site site, SiteAdapter change)
    {
        ArgumentNullException.ThrowIfNull(site);
        if (sites[site.Index] is not null)
        {
            throw new InvalidOperationException($"{Name}: {site} already has a change");
        }
        sites[site.Index] = change;
    }

    /// <summary>The batched form at a site, made at first use; null: the change's own forward runs.</summary>
    /// <param name="site">A site with a change.</param>
    public SiteForm? Form(Site site)
    {
        ArgumentNullException.ThrowIfNull(site);
        return lowered[site.Index] ? forms[site.Index] : Lower(site, new FactorPacker(Factors));
    }

    private SiteForm? Lower(Site site, FactorPacker packer)
    {
        if (!lowered[site.Index])
        {
            forms[site.Index] = sites[site.Index]?.Lower(site, packer);
            lowered[site.Index] = true;
        }
        return forms[site.Index];
    }

    /// <summary>True where <see cref="Form"/> was asked for already.</summary>
    internal bool IsLowered(Site site) => lowered[site.Index];

    /// <summary>Bytes of the batched forms made so far.</summary>
    public long FormBytes
    {
        get
        {
            long bytes = 0;
            foreach (SiteForm? form in forms)
            {
                bytes += form?.Bytes ?? 0;
            }
            return bytes;
        }
    }

    /// <summary>Bytes of memory that it holds: parameters and the batched forms made so far.</summary>
    public long Bytes
    {
        get
        {
            long floats = 0;
            foreach (Parameter parameter in isSealed ? kept : Parameters)
            {
                floats += parameter.Shape.Length;
            }
            return (sizeof(float) * floats) + FormBytes;
        }
    }

    /// <summary>
    /// Makes all batched forms and frees what they were made of: from here on the adapter serves, in half the memory or less, and cannot be trained,
    /// saved or merged any more.
    /// </summary>
    /// <remarks>Changes without a batched form, and an adapter of which a linear layer's change has none, keep their parameters.</remarks>
    public void Seal()
    {
        if (isSealed)
        {
            return;
        }
        List<(Site Site, SiteAdapter Change)> linear = [.. Changes.Where(c => c.Site is LinearSite)];
        using StorageBlock memory = new(linear.Sum(c => c.Change.Parameters.Sum(FactorBytes)));
        FactorPacker packer = new(Factors, memory);
        if (linear.TrueForAll(c => c.Change.LowersAlone))
        {
            // The request that waits for a cold adapter leaves cores idle.
            try
            {
                Parallel.ForEach(linear, c => Lower(c.Site, packer));
            }
            catch (AggregateException e)
            {
                ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }
        }
        foreach ((Site site, SiteAdapter change) in linear)
        {
            if (Lower(site, packer) is null)
            {
                return;
            }
        }
        HashSet<SiteAdapter> freed = [.. linear.Select(c => c.Change)];
        HashSet<Parameter> gone = [.. freed.SelectMany(change => change.Parameters)];
        if (Changes.Any(c => !freed.Contains(c.Change) && c.Change.Parameters.Any(gone.Contains)))
        {
            return;
        }
        kept = [.. Parameters.Where(p => !gone.Contains(p))];
        isSealed = true;
        foreach (SiteAdapter change in freed)
        {
            change.Dispose();
        }
    }

    // About what its numbers take in a form. Forms lie side by side: what serves together is read together, and goes together.
    private long FactorBytes(Parameter parameter) => parameter.Shape.Length * Factors switch
    {
        FactorStorage.Int8 => sizeof(sbyte),
        FactorStorage.BF16 => sizeof(ushort),
        FactorStorage.Exact when parameter.Unread?.Type == ElementType.BF16 => sizeof(ushort),
        _ => sizeof(float),
    };

    /// <summary>Changes whenever the batched forms are forgotten, so that plans know theirs are old.</summary>
    internal int Version { get; private set; }

    /// <summary>Forgets the batched forms: the parameters changed.</summary>
    /// <exception cref="InvalidOperationException">It was sealed: there is nothing left to make them of.</exception>
    public void ForgetForms()
    {
        if (isSealed)
        {
            throw new InvalidOperationException($"adapter {Name} was sealed for serving: load it again to change it");
        }
        DropForms();
    }

    private void DropForms()
    {
        Version++;
        for (int i = 0; i < forms.Length; i++)
        {
            forms[i]?.Dispose();
            forms[i] = null;
            lowered[i] = false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees parameters (those of its side network and mixers too) and forms.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        DropForms();
        foreach (SiteAdapter? change in sites)
        {
            change?.Dispose();
        }
        if (Side is not null)
        {
            foreach (Parameter parameter in Side.Parameters)
            {
                parameter.Dispose();
            }
        }
        for (int layer = 0; layer < Model.Blocks.Count; layer++)
        {
            foreach (Parameter parameter in Mixer(layer)?.Parameters ?? [])
            {
                parameter.Dispose();
            }
        }
        Classifier?.Dispose();
    }
}
