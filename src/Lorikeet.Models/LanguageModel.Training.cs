using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <content>Training every weight, and freezing them again.</content>
public partial class LanguageModel
{
    /// <summary>Every stored tensor as a parameter, in the order of the modules; empty while the weights are frozen.</summary>
    public IEnumerable<Parameter> TrainedParameters
    {
        get
        {
            foreach (ModelTensor tensor in Tensors)
            {
                foreach (Parameter parameter in tensor.Weight?.Parameters ?? [tensor.Vector!])
                {
                    if (parameter.Trainable)
                    {
                        yield return parameter;
                    }
                }
            }
        }
    }

    /// <summary>Makes every matrix trainable, dense ones as float32 <see cref="TrainableWeight"/>, and every vector; a tied head stays one with the token table.</summary>
    /// <remarks>For training from random starts or in full. Matrices are copied one by one, so that no second model exists at any time.</remarks>
    /// <param name="halves">Keep matrices in bfloat16 (<see cref="HalfTrainableWeight"/>) in place of float32.</param>
    public void MakeTrainable(bool halves = false)
    {
        Exchange((name, weight) => weight.ToTrainable(name, halves));
        SetVectors(true);
    }

    /// <summary>Packs every trainable matrix again and freezes all.</summary>
    /// <param name="type">The format to keep matrices in; float32 keeps their values.</param>
    public void Freeze(ElementType type = ElementType.F32)
    {
        Exchange((_, weight) => weight.ToFrozen(type));
        SetVectors(false);
    }

    /// <summary>Puts another weight in the place of each matrix and frees those that were replaced.</summary>
    /// <param name="replace">Given the tensor's name and its weight, the weight to use; the same one to keep it. Called once for each stored matrix.</param>
    public void Exchange(Func<string, Weight, Weight> replace)
    {
        ArgumentNullException.ThrowIfNull(replace);
        foreach (Site site in Sites)
        {
            switch (site)
            {
                case EmbeddingSite embedding:
                    Weight table = embedding.Weight;
                    embedding.Weight = replace(site.StoredName + ".weight", table);
                    foreach (LinearSite head in Head.Sites)
                    {
                        if (ReferenceEquals(head.Weight, table))
                        {
                            head.Weight = embedding.Weight;
                        }
                    }
                    Free(table, embedding.Weight);
                    break;
                case LinearSite { Tied: false } linear:
                    Weight old = linear.Weight;
                    linear.Weight = replace(site.StoredName + ".weight", old);
                    Free(old, linear.Weight);
                    break;
                default:
                    break;
            }
        }
    }

    private void SetVectors(bool trainable)
    {
        foreach (ModelTensor tensor in Tensors)
        {
            if (tensor.Vector is { } vector)
            {
                vector.Trainable = trainable;
            }
        }
    }

    private static void Free(Weight old, Weight now)
    {
        if (!ReferenceEquals(old, now))
        {
            old.Dispose();
        }
    }
}
